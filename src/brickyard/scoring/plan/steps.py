"""What a column plan is made of: steps over numpy arrays, and the registry of what estimators become.

A step is a frozen dataclass of arrays, scalars, tuples and other steps, so that a plan can be written to a file
and read again without running anything that is in the file (see `brickyard.scoring.plan.files`).
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, ClassVar, Protocol, TypeAlias

import numpy as np

__all__ = [
    "KERNEL_VERSION",
    "Compiler",
    "Declined",
    "Estimator",
    "Features",
    "Step",
    "Transform",
    "compile_estimator",
    "compiles",
    "matrix_of",
    "step_class",
]

# What a cached plan was written for; raise it when a step's fields or what it computes change.
KERNEL_VERSION = 1

# Modules of this package whose dataclasses may be in a plan's file, and those that register compilers.
_STEP_MODULES = frozenset({"categories", "linear", "plan", "transforms", "trees", "trees_library", "trees_table"})
_COMPILER_MODULES = ("linear", "trees_sklearn", "trees_hist", "trees_lightgbm", "trees_xgboost")

# Columns as they come (one array each, a row per item), or a matrix (rows x features).
Features: TypeAlias = "list[np.ndarray] | np.ndarray"


class Declined(Exception):
    """The plan does not answer this input; pyfunc does, with a prediction or with the error that is the reference."""


class Step(Protocol):
    """A frozen dataclass that a plan is made of; its fields are arrays, scalars, tuples of these, and steps."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    def check(self) -> None:
        """Find what would make it fail or run for ever, after it was read from a file.

        Raises:
            ValueError: If its fields do not fit each other.
        """


class Transform(Step, Protocol):
    """A step from features to features, with the arithmetic of the library it stands for."""

    def transform(self, features: Features) -> Features:
        """Transform all rows; raises `Declined` where the library would raise."""


class Estimator(Step, Protocol):
    """The last step of a plan."""

    @property
    def row_wise(self) -> bool:
        """Whether a row's prediction has the same bits whatever rows are beside it."""

    def predict(self, matrix: np.ndarray) -> np.ndarray:
        """Predict.

        Args:
            matrix: Rows x features, in the type that the library's own input would have before it is cast
                (float64, float32, an integer or bool), and in its memory order. It is not changed.

        Returns:
            What the library's function (`predict` or `predict_proba`, chosen when it was compiled) returns.

        Raises:
            Declined: Where the library would raise, or where equality is not certain.
        """


# Estimator of a library and the name of its function (`predict`, `predict_proba`) to a step; None where there is none.
Compiler: TypeAlias = Callable[[Any, str], "Estimator | None"]
_compilers: dict[str, Compiler] = {}


def compiles(*types: str) -> Callable[[Compiler], Compiler]:
    """Register a compiler for estimators by package and class, such as `sklearn.DecisionTreeRegressor`."""

    def register(compiler: Compiler) -> Compiler:
        _compilers.update(dict.fromkeys(types, compiler))
        return compiler

    return register


def compile_estimator(estimator: Any, function: str) -> Estimator | None:
    """Return the step that predicts what `estimator.function` predicts; None where nobody knows that type.

    Only the exact class counts, as a subclass may predict otherwise.
    """
    for module in _COMPILER_MODULES:
        importlib.import_module(f"brickyard.scoring.plan.{module}")
    kind = type(estimator)
    compiler = _compilers.get(f"{kind.__module__.split('.')[0]}.{kind.__qualname__}")
    return compiler(estimator, function) if compiler else None


def step_class(name: str) -> type:
    """Return a step's class by its name in files, `module.Class`.

    Raises:
        ValueError: If there is no such step.
    """
    module, _, kind = name.partition(".")
    if module not in _STEP_MODULES:
        raise ValueError(f"no step is named {name!r}")
    found = getattr(importlib.import_module(f"brickyard.scoring.plan.{module}"), kind, None)
    if not isinstance(found, type) or not hasattr(found, "__dataclass_fields__") or not hasattr(found, "check"):
        raise ValueError(f"no step is named {name!r}")
    return found


def matrix_of(features: Features) -> np.ndarray:
    """Return features as the matrix that `check_array` makes of such columns: one type for all, Fortran order."""
    if isinstance(features, np.ndarray):
        return features
    dtype = np.result_type(*{column.dtype for column in features})
    matrix = np.empty((len(features[0]), len(features)), dtype=dtype, order="F")
    for position, column in enumerate(features):
        matrix[:, position] = column
    return matrix
