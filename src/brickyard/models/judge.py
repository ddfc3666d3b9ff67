"""Loads a version's files and lets it predict the evaluation rows, without a trace in this process."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from brickyard.errors import ModelError
from brickyard.models.metrics import LabelledScores, compute, read_predictions
from brickyard.models.rows import EvaluationTable

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

__all__ = ["Contestant", "input_columns", "judge"]


@dataclass(frozen=True)
class Contestant:
    """A version that is judged.

    Attributes:
        version: Its number.
        files: Where its files were downloaded to.
        who: How messages call it, such as `version 4 (the champion)`.
    """

    version: str
    files: Path
    who: str


def input_columns(contestant: Contestant, table: EvaluationTable) -> list[str]:
    """The columns of the table that a version takes, from its signature.

    A version whose inputs have no names takes every feature.

    Raises:
        DataError: The table lacks a column that the version requires.
    """
    from mlflow.models import Model

    schema = Model.load(str(contestant.files)).get_input_schema()
    if schema is None or not schema.has_input_names():
        return list(table.features)
    table.require(schema.required_input_names(), contestant.who)
    return [name for name in schema.input_names() if name in table.columns]


def judge(
    contestant: Contestant,
    inputs: pd.DataFrame,
    labels: np.ndarray[Any, Any],
    task: Any,
    classes: list[Any],
) -> dict[str, float]:
    """Let a version predict and compute its figures.

    Raises:
        ModelError: It cannot be loaded, fails on these rows, or does not return predictions.
    """
    with _own_modules(contestant.files):
        output = _predict(contestant, inputs)
    scores: LabelledScores = read_predictions(output, task, classes, rows=len(inputs), where=contestant.who)
    return compute(task, labels, scores)


def _predict(contestant: Contestant, inputs: pd.DataFrame) -> Any:
    from brickyard.scoring.model import load_model

    model = load_model(contestant.files)
    try:
        return model.predict(inputs)
    except Exception as exc:
        # A model is code of the user's, which may raise anything.
        raise ModelError(
            f"{contestant.who} failed on the evaluation rows: {type(exc).__name__}: {exc}", where=str(contestant.files)
        ) from exc


@contextmanager
def _own_modules(files: Path) -> Iterator[None]:
    """Forget code that came with a model, so that the next one does not run on it."""
    path, before = list(sys.path), set(sys.modules)
    try:
        yield
    finally:
        sys.path[:] = path
        for name in set(sys.modules) - before:
            if str(getattr(sys.modules[name], "__file__", None) or "").startswith(str(files)):
                del sys.modules[name]
