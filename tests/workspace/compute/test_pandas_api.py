"""The pandas API on Spark gives what pandas gives."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

DATA = {"a": [1, 2, 3, 4, 10], "b": [1.5, None, 2.5, 0.5, 7.0], "c": list("xxyyz")}
QUESTIONS: dict[str, Callable[[Any], Any]] = {
    "rows by place": lambda d: d.iloc[1:3].a.tolist(),
    "an index of its own": lambda d: d.reset_index().columns.tolist(),
    "rows that match": lambda d: d.merge(d, on="c", how="left").shape,
    "melted": lambda d: d.melt(id_vars="c", value_vars=["a"]).shape,
    "groups": lambda d: d.groupby("c").agg({"a": "sum", "b": "mean"}).sort_index().a.tolist(),
    "deviation": lambda d: d.a.std(),
    "variance with nulls": lambda d: d.b.var(),
    "variance of all": lambda d: d.a.var(ddof=0),
    "skewness": lambda d: d.a.skew(),
    "kurtosis": lambda d: d.a.kurt(),
    "covariance": lambda d: d.a.cov(d.b),
    "product": lambda d: d.a.product(),
    "running sum": lambda d: d.a.cumsum().tolist(),
}


@pytest.fixture(scope="module")
def frame(engine: Any) -> Any:
    session = engine.client()
    import pyspark.pandas as ps

    yield ps.DataFrame(DATA)
    session.stop()


@pytest.mark.parametrize("question", QUESTIONS)
def test_answers_are_those_of_pandas(frame: Any, question: str) -> None:
    found, wanted = QUESTIONS[question](frame), QUESTIONS[question](pd.DataFrame(DATA))
    assert math.isclose(found, wanted) if isinstance(wanted, float) else found == wanted
