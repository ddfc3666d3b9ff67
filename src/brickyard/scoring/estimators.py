"""What an estimator of scikit-learn is made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

__all__ = ["estimators_in"]

# They have estimators inside that are not scikit-learn's.
_WHOLE = frozenset({"lightgbm", "xgboost"})


def estimators_in(model: object) -> Iterator[Any]:
    """A model and all estimators inside, each once: steps, members of ensembles, what a search or a fit has made.

    Parameters are looked at as well as what was fitted, as `predict` goes through the latter (`best_estimator_`).
    """
    seen: dict[int, object] = {}  # with the objects, so that none gives its number to another
    waiting = [model]
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen[id(one)] = one
        if isinstance(one, Mapping):
            waiting += one.values()
        elif isinstance(one, list | tuple | set) or (isinstance(one, np.ndarray) and one.dtype == object):
            waiting += list(one.flat) if isinstance(one, np.ndarray) else one
        elif not isinstance(one, type) and _is_part(one):
            if hasattr(one, "get_params"):
                yield one
            if _library(one) not in _WHOLE:
                waiting += vars(one).values()


def _is_part(one: object) -> bool:
    return hasattr(one, "__dict__") and (hasattr(one, "get_params") or _library(one) in {"sklearn", *_WHOLE})


def _library(one: object) -> str:
    return type(one).__module__.partition(".")[0]
