"""From the sums of trees to what a library's `predict` or `predict_proba` returns, with the same bits.

numpy's own exponential differs from the C library's in the last bit for some arguments, so each is used where the
library uses it: scikit-learn's losses call numpy and scipy, LightGBM calls `exp` (as `math.exp` does), and XGBoost
calls `expf`, which Python reaches only through `ctypes`.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable
from functools import cache

import numpy as np

from brickyard.scoring.plan.steps import Declined

__all__ = ["ANSWERS", "LABELS_OF_TWO", "LINKS", "LOGISTIC", "certain_labels", "float_function"]

# Links with the logistic function, and answers that are the likelier one of two labels.
LOGISTIC = frozenset({"expit", "float logistic", "logistic"})
LABELS_OF_TWO = frozenset({"label above half", "label of pair"})
# From here on a probability is further from a half than by what single precision rounds.
_CERTAIN = 1e-3

Link = Callable[[np.ndarray, float], np.ndarray]
Answer = Callable[[np.ndarray, np.ndarray], np.ndarray]


def _exp(values: np.ndarray) -> np.ndarray:
    """`exp` of the C library; beyond the largest double it is infinite."""
    items = values.ravel().tolist()
    try:
        found = list(map(math.exp, items))
    except OverflowError:
        found = [math.inf if item > 709.0 and _overflows(item) else math.exp(item) for item in items]
    return np.array(found).reshape(values.shape)


def _overflows(item: float) -> bool:
    try:
        math.exp(item)
    except OverflowError:
        return True
    return False


def _logistic(values: np.ndarray, scale: float) -> np.ndarray:
    shares: np.ndarray = 1.0 / (1.0 + _exp(-scale * values))
    return shares


def _sklearn_exp(values: np.ndarray, scale: float) -> np.ndarray:
    with np.errstate(over="ignore"):
        powers: np.ndarray = np.exp(values)
    return powers


def _expit(values: np.ndarray, scale: float) -> np.ndarray:
    """scikit-learn's logistic link, which is scipy's: of doubles, in terms of the C library's `exp`."""
    shares: np.ndarray = 1.0 / (1.0 + _exp(-(scale * values)))
    return shares


def _sklearn_softmax(values: np.ndarray, scale: float) -> np.ndarray:
    values = values - values.max(axis=1).reshape(-1, 1)
    np.exp(values, out=values)
    values /= np.sum(values, axis=1).reshape(-1, 1)
    return values


def _softmax(values: np.ndarray, scale: float) -> np.ndarray:
    """LightGBM's: exponentials summed one after the other."""
    powers = _exp(values - values.max(axis=1, keepdims=True))
    shares: np.ndarray = powers / _row_sums(powers)
    return shares


def _row_sums(values: np.ndarray) -> np.ndarray:
    total = values[:, 0].copy()
    for column in values.T[1:]:
        total += column
    return total[:, None]


def _signed_square(values: np.ndarray, scale: float) -> np.ndarray:
    squares: np.ndarray = np.sign(values) * values * values
    return squares


def _log_1p_exp(values: np.ndarray, scale: float) -> np.ndarray:
    powers = _exp(values)
    return np.array([math.log1p(power) for power in powers.ravel().tolist()]).reshape(powers.shape)


@cache
def float_function(name: str) -> Callable[[float], float]:
    """Return a function of the C library over single precision, `expf` or `logf`.

    Raises:
        Declined: If this system's C library is not found.
    """
    for library in ("libm.so.6", "libSystem.dylib"):
        try:
            function = getattr(ctypes.CDLL(library), name)
        except (OSError, AttributeError):
            continue
        function.restype, function.argtypes = ctypes.c_float, [ctypes.c_float]
        found: Callable[[float], float] = function
        return found
    raise Declined(f"the C library's {name} is not found")


def _expf(values: np.ndarray) -> np.ndarray:
    function = float_function("expf")
    return np.array([function(item) for item in values.ravel().tolist()], dtype=np.float32).reshape(values.shape)


def _float_exp(values: np.ndarray, scale: float) -> np.ndarray:
    return _expf(values)


def _float_logistic(values: np.ndarray, scale: float) -> np.ndarray:
    """XGBoost's: the argument of `expf` has an upper limit, and the denominator a small addition."""
    powers = _expf(np.minimum(-values, np.float32(88.7)))
    return np.float32(1) / (powers + np.float32(1) + np.float32(1e-16))


def _float_softmax(values: np.ndarray, scale: float) -> np.ndarray:
    """XGBoost's: single precision, but summed in double."""
    powers = _expf(values - values.max(axis=1, keepdims=True))
    return powers / _row_sums(powers.astype(np.float64)).astype(np.float32)


def _same(values: np.ndarray, scale: float) -> np.ndarray:
    return values


LINKS: dict[str, Link] = {
    "exp": lambda values, scale: _exp(values),
    "expit": _expit,
    "float exp": _float_exp,
    "float logistic": _float_logistic,
    "float softmax": _float_softmax,
    "identity": _same,
    "log1p exp": _log_1p_exp,
    "logistic": _logistic,
    "signed square": _signed_square,
    "sklearn exp": _sklearn_exp,
    "sklearn softmax": _sklearn_softmax,
    "softmax": _softmax,
}


def _pair(values: np.ndarray, classes: np.ndarray) -> np.ndarray:
    pair = np.empty((len(values), 2), dtype=values.dtype)
    np.subtract(1, values[:, 0], out=pair[:, 0])
    pair[:, 1] = values[:, 0]
    return pair


def _label(values: np.ndarray, classes: np.ndarray) -> np.ndarray:
    labels: np.ndarray = classes.take(values.argmax(axis=1), axis=0)
    return labels


ANSWERS: dict[str, Answer] = {
    "column": lambda values, classes: values[:, 0],
    "label": _label,
    "float label": lambda values, classes: np.argmax(values, axis=1).astype(np.float32),
    "label above half": lambda values, classes: classes[(values[:, 0] > 0.5).astype(np.int64)],
    "label above zero": lambda values, classes: classes[(values[:, 0] > 0).astype(np.int64)],
    "label from zero": lambda values, classes: classes[(values[:, 0] >= 0).astype(np.int64)],
    "label of pair": lambda values, classes: _label(_pair(values, classes), classes),
    "matrix": lambda values, classes: values,
    "pair": _pair,
}


def certain_labels(sums: np.ndarray, scale: float, classes: np.ndarray) -> np.ndarray | None:
    """Return labels of two classes by the sign of what the logistic function is taken of; None where one is near zero.

    XGBoost's link has no scale, and one of 1 as its number.
    """
    if len(sums) == 1:
        one = sums.item() * scale
        return classes[int(one > 0) :][:1].copy() if abs(one) > _CERTAIN else None
    scaled = sums * sums.dtype.type(scale)
    if not (np.abs(scaled) > _CERTAIN).all():
        return None
    labels: np.ndarray = classes.take((scaled > 0).view(np.int8), axis=0)
    return labels
