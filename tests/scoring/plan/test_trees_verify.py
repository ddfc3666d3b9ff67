"""Models of LightGBM and XGBoost as MLflow loads them: their plan is used, and a changed table is found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from brickyard.scoring.plan.compile import compile_pyfunc, native_of
from brickyard.scoring.plan.files import dump, load
from brickyard.scoring.plan.trees import TreeEnsemble
from brickyard.scoring.plan.trees_table import NodeTable
from brickyard.scoring.plan.verify import Disagreement, same, verify
from tests.scoring.plan.tree_rows import one_thread

__all__ = ["one_thread"]


def frame(rows: int, seed: int = 0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    columns: dict[str, Any] = {f"n{i}": random.normal(size=rows) for i in range(3)}
    columns["n1"] = np.where(random.random(rows) < 0.3, np.nan, columns["n1"])
    return pd.DataFrame({**columns, "kind": random.integers(0, 6, rows), "late": random.random(rows) < 0.5})


def target(rows: pd.DataFrame) -> np.ndarray:
    signal = rows["n0"] + rows["n1"].fillna(2) + np.sin(4.0 * rows["kind"]) * 2 + rows["late"]
    return np.digitize(signal, [0.5, 2])


def lightgbm_classifier() -> tuple[str, Any]:
    import lightgbm

    model = lightgbm.LGBMClassifier(
        n_estimators=4, num_leaves=6, min_child_samples=5, n_jobs=1, verbose=-1, min_data_per_group=1, cat_smooth=1
    )
    return "lightgbm", model.fit(frame(400), target(frame(400)), categorical_feature=["kind"])


def xgboost_booster() -> tuple[str, Any]:
    import xgboost

    data = xgboost.DMatrix(frame(400).astype({"late": int}), target(frame(400)) > 0, nthread=1)
    return "xgboost", xgboost.train({"objective": "binary:logistic", "max_depth": 3, "nthread": 1}, data, 4)


def xgboost_classifier() -> tuple[str, Any]:
    import xgboost

    model = xgboost.XGBClassifier(n_estimators=3, max_depth=3, n_jobs=1)
    return "xgboost", model.fit(frame(400).astype({"late": int}), target(frame(400)))


MODELS: list[Callable[[], tuple[str, Any]]] = [lightgbm_classifier, xgboost_booster, xgboost_classifier]


@pytest.fixture(scope="module")
def pyfunc(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Any], Any]:
    @cache
    def load_pyfunc(make: Callable[[], tuple[str, Any]]) -> Any:
        import mlflow
        import mlflow.lightgbm
        import mlflow.xgboost
        from mlflow.models import infer_signature

        flavor, model = make()
        path: Path = tmp_path_factory.mktemp(make.__name__) / "model"
        rows = frame(20) if flavor == "lightgbm" else frame(20).astype({"late": int})
        signature = infer_signature(rows, np.array([0]))
        getattr(mlflow, flavor).save_model(model, str(path), signature=signature, pip_requirements=[])
        return mlflow.pyfunc.load_model(str(path))

    return load_pyfunc


def changed(table: NodeTable) -> Iterator[tuple[str, NodeTable]]:
    """Tables in which one thing that a row can meet is another."""
    nodes = np.arange(len(table.right))
    splits, leaves = np.flatnonzero(table.right != nodes), np.flatnonzero(table.right == nodes)
    plain = splits[~np.isin(table.view[splits], [category.view for category in table.categories])]
    for name, where in (("values", leaves[::4]), ("threshold", plain[::4])):
        for node in where:
            array = getattr(table, name).copy()
            array[node] += 0.3
            yield f"{name} of {node}", replace(table, **{name: array})
    for node in splits[:: max(1, len(splits) // 4)]:
        views = table.view.copy()
        views[node] = (views[node] + 1) % len(table.features)
        yield f"view of {node}", replace(table, view=views)
    for position, category in enumerate(table.categories[:3]):
        flipped = replace(category, left=~category.left)
        categories = (*table.categories[:position], flipped, *table.categories[position + 1 :])
        yield f"categories {position}", replace(table, categories=categories)


@pytest.mark.parametrize("make", MODELS)
def test_a_changed_table_is_found(make: Callable[[], tuple[str, Any]], pyfunc: Callable[[Any], Any]) -> None:
    model = pyfunc(make)
    plan, native = compile_pyfunc(model), native_of(model)
    assert plan is not None and native is not None and isinstance(plan.estimator, TreeEnsemble)
    verify(plan, model, native)
    again = load(dump(plan))[0]
    rows = frame(50, seed=3) if make is lightgbm_classifier else frame(50, seed=3).astype({"late": int})
    assert same(again.predict({name: rows[name].to_numpy() for name in rows}), model.predict(rows))
    for what, table in changed(plan.estimator.table):
        mutant = replace(plan, estimator=replace(plan.estimator, table=table))
        try:
            verify(mutant, model, native)
        except Disagreement:
            continue
        pytest.fail(f"not found: {what}")
