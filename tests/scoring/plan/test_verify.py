"""What is compared at load finds every change of a plan that could be noticed."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from brickyard.scoring.plan import Declined, Plan
from brickyard.scoring.plan.categories import OneHot
from brickyard.scoring.plan.compile import compile_pyfunc, native_of
from brickyard.scoring.plan.files import PlanFileError, dump, load
from brickyard.scoring.plan.probes import frames
from brickyard.scoring.plan.trees import TreeEnsemble
from brickyard.scoring.plan.verify import Disagreement, same, verify
from tests.scoring.plan import pipelines
from tests.scoring.plan.conftest import LoadedFamily
from tests.scoring.plan.mutations import mutations


def survives(plan: Plan, pyfunc: Any) -> bool:
    """Whether a plan from a file is used."""
    native = native_of(pyfunc)
    assert native is not None
    try:
        load(dump(plan))
        verify(plan, pyfunc, native)
    except (PlanFileError, Disagreement):
        return False
    except Exception:
        return False  # as loading a model takes it
    return True


def is_wrong(plan: Plan, pyfunc: Any) -> bool:
    """Whether it answers something else than pyfunc for rows that the verification did not see."""
    seen = [pipelines.rows(100, seed=7), pipelines.rows(60, seed=8).assign(gap=1.0), pipelines.rows(1, seed=9)]
    others = [{name: frame[name].to_numpy() for name in frame} for frame in seen]
    for columns in (*others, *(columns for _, columns in frames(plan, {}, seed=5))):
        try:
            ours = plan.predict(columns)
        except Declined:
            continue
        if not same(ours, pyfunc.predict(pipelines.frame_of(columns))):
            return True
    return False


def check(family: str, model: Any, step: int) -> None:
    plan = compile_pyfunc(model.pyfunc)
    assert plan is not None
    refused = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert survives(plan, model.pyfunc)
        for position, (what, mutant) in enumerate(mutations(plan)):
            if position % step:
                continue
            if not survives(mutant, model.pyfunc):
                refused += 1
            else:
                assert not is_wrong(mutant, model.pyfunc), what
    assert refused > 60 // step


@pytest.mark.parametrize("family", ["labels, sparse", "ordinal", "regression, dense"])
def test_a_changed_plan_is_refused_or_predicts_the_same(family: str, loaded_family: LoadedFamily) -> None:
    check(family, loaded_family(family), 23)


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.parametrize("family", pipelines.FAMILIES)
def test_every_change_of_a_plan_is_refused_or_predicts_the_same(family: str, loaded_family: LoadedFamily) -> None:
    check(family, loaded_family(family), 1)


def test_a_changed_bit_of_a_label_models_weight_is_found(loaded_family: LoadedFamily) -> None:
    model = loaded_family("text labels, dense")
    plan = compile_pyfunc(model.pyfunc)
    changed = [mutant for what, mutant in mutations(plan) if ".coef[" in what]
    assert len(changed) >= 10 and not any(survives(mutant, model.pyfunc) for mutant in changed)


def test_every_leaf_and_split_of_trees_is_tried(loaded_family: LoadedFamily) -> None:
    model = loaded_family("trees")
    plan = compile_pyfunc(model.pyfunc)
    assert plan is not None and isinstance(plan.estimator, TreeEnsemble)
    table = plan.estimator.table
    leaves = np.flatnonzero(table.right == np.arange(len(table.right)))
    splits = np.setdiff1d(np.arange(len(table.right)), leaves)
    for nodes, field in ((leaves, "values"), (splits, "threshold")):
        for node in nodes[::9]:
            changed = getattr(table, field).copy()
            changed[node] += 0.25
            estimator = replace(plan.estimator, table=replace(table, **{field: changed}))
            assert not survives(replace(plan, estimator=estimator), model.pyfunc), (field, node)


def test_a_number_that_the_encoder_knows_and_the_plan_does_not_is_found(tmp_path: Path) -> None:
    """Nothing of the plan leads to such a number; the model has no input example that would."""
    from mlflow import pyfunc, sklearn
    from mlflow.models import infer_signature
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    frame = pd.DataFrame({"size": [5.25, 37.0, 91.5] * 4, "code": [12, 712, 90210] * 4})
    model = make_pipeline(OneHotEncoder(handle_unknown="ignore"), Ridge()).fit(frame, frame["size"])
    signature = infer_signature(frame, np.array([0.5]))
    form = {"signature": signature, "pip_requirements": [], "serialization_format": "cloudpickle"}
    sklearn.save_model(model, str(tmp_path / "model"), **form)
    loaded = pyfunc.load_model(str(tmp_path / "model"))
    plan = compile_pyfunc(loaded)
    assert plan is not None and survives(plan, loaded)
    (encoder,) = plan.blocks[0].steps
    assert isinstance(encoder, OneHot)
    for position in range(2):
        columns = list(encoder.columns)
        columns[position] = replace(columns[position], known=columns[position].known[[0, 2]], codes=np.array([0, 2]))
        blocks = (replace(plan.blocks[0], steps=(replace(encoder, columns=tuple(columns)),)),)
        assert not survives(replace(plan, blocks=blocks), loaded)
