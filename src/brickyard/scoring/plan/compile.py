"""A loaded model to its plan: the flavour's native object and the signature."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from brickyard.scoring.columns import column_kinds
from brickyard.scoring.plan.plan import Block, Input, Plan
from brickyard.scoring.plan.steps import compile_estimator

if TYPE_CHECKING:
    from mlflow.pyfunc import PyFuncModel

__all__ = ["Native", "compile_pyfunc", "native_of"]

_log = logging.getLogger(__name__)
_LOADERS = frozenset({"mlflow.sklearn", "mlflow.lightgbm", "mlflow.xgboost"})


@dataclass(frozen=True)
class Native:
    """What a pyfunc calls.

    Attributes:
        model: The native object, such as a pipeline or a booster.
        function: The name of its function, `predict` or `predict_proba`.
    """

    model: Any
    function: str


def native_of(pyfunc: PyFuncModel) -> Native | None:
    """Return what a pyfunc of a known flavour calls; None for any other."""
    if pyfunc.loader_module not in _LOADERS:
        return None
    return Native(pyfunc.get_raw_model(), pyfunc.metadata.flavors["python_function"].get("predict_fn", "predict"))


def compile_pyfunc(pyfunc: PyFuncModel) -> Plan | None:
    """Return the plan of a model, not yet found equal to it; None where there is none."""
    kinds, native = column_kinds(pyfunc), native_of(pyfunc)
    if kinds is None or native is None:
        return None
    inputs = tuple(Input(name, kind) for name, kind in kinds.items())
    if type(native.model).__module__.startswith("sklearn."):
        return _of_sklearn(native, inputs)
    estimator = compile_estimator(native.model, native.function)
    return Plan(inputs, (Block(tuple(range(len(inputs)))),), (), estimator) if estimator else None


def _of_sklearn(native: Native, inputs: tuple[Input, ...]) -> Plan | None:
    from brickyard.scoring.plan.sklearn import Unsupported, compile_model

    try:
        return compile_model(native.model, native.function, inputs)
    except Unsupported as error:
        _log.info("the model has no plan, as no step stands for %s", error)
        return None
