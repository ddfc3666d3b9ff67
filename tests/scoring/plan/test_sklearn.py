"""Pipelines of every family: the plan predicts what pyfunc predicts, or leaves the input to it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from brickyard.scoring.columns import Texts
from brickyard.scoring.model import ScoringModel
from brickyard.scoring.plan.compile import compile_pyfunc
from brickyard.scoring.plan.verify import same
from tests.scoring.plan import pipeline_frames, pipelines
from tests.scoring.plan.conftest import LoadedFamily
from tests.scoring.plan.pipeline_frames import by_pyfunc, frame_of
from tests.scoring.plan.soaking import FRAMES, soak

NEAR = st.floats(-4, 4)
DOUBLES = NEAR | NEAR | st.floats() | st.none() | st.integers(-(2**60), 2**60) | st.sampled_from([0.0, -0.0, 1e300])
VALUES: dict[str, Any] = {
    "double": DOUBLES,
    "float": st.floats(-4, 4, width=32) | st.floats(width=32) | st.none(),
    "integer": st.integers(-25, 25) | st.integers(-(2**31), 2**31 - 1),
    "long": st.integers(-2, 6) | st.integers(-(2**63), 2**63 - 1),
    "boolean": st.booleans(),
}
TEXTS: dict[str, Any] = {
    "carrier": st.sampled_from(pipelines.CARRIERS) | st.sampled_from(["??", "", "aa"]) | st.none(),
    "place": st.sampled_from(pipelines.PLACES) | st.text(max_size=3) | st.none(),
}
WELL: dict[str, Any] = {
    "double": NEAR,
    "float": st.floats(-4, 4, width=32),
    "integer": st.integers(-25, 25),
    "long": st.integers(0, 4),
    "boolean": st.booleans(),
    "carrier": st.sampled_from(pipelines.CARRIERS),
    "place": st.sampled_from(pipelines.PLACES),
}


def _rows(values: dict[str, Any], texts: dict[str, Any]) -> Any:
    row = {name: texts[name] if kind == "string" else values[kind] for name, kind in pipelines.COLUMNS.items()}
    return st.lists(st.fixed_dictionaries(row), min_size=1, max_size=6)


ANY_ROWS = _rows(WELL, WELL) | _rows(WELL, TEXTS) | _rows(VALUES, WELL) | _rows(VALUES, TEXTS)


def check(model: ScoringModel, records: list[dict[str, Any]]) -> None:
    """Whatever the plan answers, from a frame, from Arrow, from JSON or row by row, is what pyfunc answers."""
    plan = model.plan
    assert plan is not None
    columns = {name: [record[name] for record in records] for name in pipelines.COLUMNS}
    frame = frame_of(columns)
    expected = by_pyfunc(model, frame)
    schema = pa.Schema.from_pandas(frame.astype(dict.fromkeys(pipelines.TEXTS, "string")), preserve_index=False)
    for answer in (
        plan.predict(frame),
        plan.predict(pa.RecordBatch.from_pandas(frame, schema, preserve_index=False)),
        plan.predict_json_columns(columns),
    ):
        assert answer is None or same(answer, expected)
    for record in records:
        one = plan.predict_json_row(list(pipelines.COLUMNS), [record[name] for name in pipelines.COLUMNS])
        assert one is None or same(one, by_pyfunc(model, frame_of({name: [value] for name, value in record.items()})))
    arrays = plan.arrays_of_json(columns)
    together = plan.predict_arrays(arrays, together=True) if arrays is not None and plan.row_wise else None
    for row in range(len(records) if together is not None else 0):
        assert same(together[row : row + 1], by_pyfunc(model, frame[row : row + 1].reset_index(drop=True)))


@pytest.mark.parametrize("family", pipelines.FAMILIES)
def test_usual_rows_are_answered_by_the_plan(family: str, loaded_family: LoadedFamily) -> None:
    model = loaded_family(family)
    assert model.rung == "plan" and model.plan is not None
    frame = pipelines.rows(300, seed=3).assign(gap=1.0)
    for part in (frame, frame[:1], frame[7:15].reset_index(drop=True)):
        assert same(model.plan.predict(part), by_pyfunc(model, part))
    table = pa.concat_tables(
        [pa.Table.from_pandas(frame, preserve_index=False), pa.Table.from_pandas(frame[::-1], preserve_index=False)]
    )
    twice = pd.concat([frame, frame[::-1]], ignore_index=True)
    assert same(model.plan.predict(table.select(list(frame))), by_pyfunc(model, twice))


@pytest.mark.parametrize("family", pipelines.FAMILIES)
@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(records=ANY_ROWS)
def test_any_rows_get_the_predictions_of_pyfunc(
    family: str, records: list[dict[str, Any]], loaded_family: LoadedFamily
) -> None:
    check(loaded_family(family), records)


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.parametrize("family", pipelines.FAMILIES)
@soak
@given(kind=pipeline_frames.kinds())
def test_ten_thousand_frames_get_the_predictions_of_pyfunc(
    family: str, kind: pipeline_frames.Kind, loaded_family: LoadedFamily
) -> None:
    """What has to be answered: usual numbers with whatever texts the encoders take; infinities only are not imputed."""
    any_text = family not in pipelines.REFUSE_TEXTS
    answered = pipeline_frames.Comparison(loaded_family(family), kind).compare(any_text=any_text)
    assert answered > FRAMES * 3 // 4 or not family.startswith("imputed")


@pytest.mark.parametrize("family", ["regression, dense", "ordinal", "imputed probabilities", "float32", "trees"])
def test_very_many_rows_make_the_same_matrix(family: str, loaded_family: LoadedFamily) -> None:
    plan = compile_pyfunc(loaded_family(family).pyfunc)
    assert plan is not None
    frame = pipelines.rows(9000, seed=4).assign(gap=1.0)
    arrays: list[Any] = [frame[column.name].to_numpy() for column in plan.inputs]
    values, indices = np.unique(arrays[-1].astype(str), return_inverse=True)
    arrays[-1] = Texts(values.astype(object), indices)
    ours, whole = plan.features(arrays), plan.features_by_blocks(arrays)
    assert same(ours, whole) and ours.strides == whole.strides


def test_a_label_near_a_tie_is_not_guessed(loaded_family: LoadedFamily) -> None:
    """Rows on the boundary, where the order of the sum decides, are the exact way's when they come alone."""
    model = loaded_family("text labels, dense")
    assert model.plan is not None
    estimator = model.pyfunc.get_raw_model()
    frame = pipelines.rows(40, seed=5)
    scores = estimator.decision_function(frame)
    slope = estimator[-1].coef_[0][0] / estimator[0].transformers_[0][1].scale_[0]
    for _ in range(3):  # each step brings the scores nearer to zero, until only rounding is left
        frame["n0"] -= scores / slope
        scores = estimator.decision_function(frame)
    assert np.abs(scores).max() < 1e-14
    for row in range(len(frame)):
        one = frame[row : row + 1].reset_index(drop=True)
        assert same(model.plan.predict(one), model.pyfunc.predict(one))
    arrays = {name: frame[name].to_numpy() for name in pipelines.COLUMNS}
    assert model.plan.predict_arrays(arrays, together=True) is None
    assert same(model.plan.predict_arrays(arrays), model.pyfunc.predict(frame))
