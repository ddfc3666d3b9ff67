"""Single rows: their features are written without arrays, and have the bits of those that arrays give."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from brickyard.scoring.plan import Declined, Plan
from brickyard.scoring.plan.compile import compile_pyfunc, native_of
from brickyard.scoring.plan.probes import frames
from brickyard.scoring.plan.row_features import RowFeatures
from brickyard.scoring.plan.trees import TreeEnsemble
from brickyard.scoring.plan.verify import Disagreement, same, verify
from tests.scoring.plan import pipelines
from tests.scoring.plan.conftest import LoadedFamily

WRITTEN = {"probabilities, dense", "regression, dense", "two outputs", "trees", "trees of a sparse matrix"}


def _plan(family: str, loaded_family: LoadedFamily) -> Plan:
    plan = compile_pyfunc(loaded_family(family).pyfunc)
    assert plan is not None
    return plan


@pytest.mark.parametrize("family", pipelines.FAMILIES)
def test_a_rows_features_have_the_bits_of_the_blocks(family: str, loaded_family: LoadedFamily) -> None:
    plan = _plan(family, loaded_family)
    assert plan.row_features is not None or family not in WRITTEN
    written = 0
    usual = {name: values.to_numpy() for name, values in pipelines.rows(100, seed=11).items()}
    for columns in [usual, *(columns for _, columns in frames(plan, {}, seed=3))]:
        arrays = [columns[column.name] for column in plan.inputs]
        for row in range(min(60, len(arrays[0])) if plan.row_features else 0):
            single = [array[row : row + 1] for array in arrays]
            try:
                theirs = plan.features_by_blocks(single)
            except Declined:
                theirs = None
            ours = plan.row_features.matrix(single) if plan.row_features else None
            assert ours is None or same(ours, theirs)
            written += ours is not None
    assert written >= 100 or plan.row_features is None


def test_other_features_of_a_row_are_found_at_load(loaded_family: LoadedFamily) -> None:
    plan, pyfunc = _plan("trees", loaded_family), loaded_family("trees").pyfunc
    native = native_of(pyfunc)
    assert plan.row_features is not None and native is not None
    usual = {name: values.to_numpy() for name, values in pipelines.rows(1).items()}
    right = plan.row_features.matrix([usual[column.name] for column in plan.inputs])
    assert right is not None
    vars(plan)["row_features"] = RowFeatures(lambda values, features: None, right.shape[1])  # all are zero
    with pytest.raises(Disagreement, match="features of single rows differ"):
        verify(plan, pyfunc, native)


@pytest.mark.parametrize("family", ["trees", "trees of a sparse matrix"])
def test_another_prediction_of_a_single_row_is_found_at_load(family: str, loaded_family: LoadedFamily) -> None:
    plan, pyfunc = _plan(family, loaded_family), loaded_family(family).pyfunc
    native = native_of(pyfunc)
    assert native is not None and isinstance(plan.estimator, TreeEnsemble)
    right = plan.estimator._row.predict

    class Wrong:
        def predict(self, features: list[float]) -> np.ndarray | None:
            answer = right(features)
            return answer if answer is None or features[0] < 1.5 else answer + 1

    vars(plan.estimator)["_row"] = Wrong()
    with pytest.raises(Disagreement):
        verify(replace(plan), pyfunc, native)


def test_values_of_json_are_predicted_without_arrays(loaded_family: LoadedFamily) -> None:
    plan, model = _plan("trees", loaded_family), loaded_family("trees")
    assert model.plan is not None
    frame = pipelines.rows(20, seed=12).assign(gap=1.0)
    expected = model.pyfunc.predict(frame)
    for place, row in enumerate(frame.to_dict("records")):
        ours = plan.predict_values([row[column.name] for column in plan.inputs])
        assert ours is not None and same(ours, expected[place : place + 1])
        wrong: list[tuple[str, object]] = [("n0", "1"), ("n0", True), ("b", 1), ("l", 1.0), ("l", None), ("carrier", 3)]
        for name, value in wrong:
            assert plan.predict_values([value if c.name == name else row[c.name] for c in plan.inputs]) is None
