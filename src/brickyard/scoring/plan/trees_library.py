"""The compiled libraries of LightGBM and XGBoost, called through their C interfaces without their Python packages.

They are faster than tables walked by numpy, LightGBM for any number of rows and XGBoost for many; `least_rows` says
from how many on, and `least_rows_beside_bits` where the trees are small enough for `trees_bits`. They start without
pandas or scikit-learn. Where a library is not installed, the tables answer. One thread is used: callers with many rows
have threads of their own, and the calls do not hold the interpreter's lock.
"""

from __future__ import annotations

import ctypes
import importlib.util
import json
import logging
import math
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np

from brickyard.scoring.plan.steps import Declined

__all__ = ["LightGBMLibrary", "XGBoostLibrary"]

_log = logging.getLogger(__name__)
_FLOAT64 = 1
_NORMAL = 0
_ONE_THREAD = b"num_threads=1"
_Predict = Callable[[np.ndarray], np.ndarray]
_PredictRow = Callable[[Sequence[float]], list[float]]
_Way = TypeVar("_Way")
# Packages, and what in their libraries tells the last error.
_LIGHTGBM, _XGBOOST = ("lightgbm", "LGBM_GetLastError"), ("xgboost", "XGBGetLastError")


@dataclass(frozen=True)
class LightGBMLibrary:
    """A booster of LightGBM.

    Attributes:
        model: The bytes of its text.
        outputs: How many numbers it gives for a row.
    """

    model: np.ndarray
    outputs: int

    least_rows = 1
    least_rows_beside_bits = math.inf

    def check(self) -> None:
        """Find what is no model."""
        _check(self.model, self.outputs)

    @cached_property
    def predict(self) -> _Predict | None:
        """Rows x features (float64) to rows x outputs, after the link; None where there is no library."""
        return _loaded(self._load, *_LIGHTGBM)

    @cached_property
    def predict_row(self) -> _PredictRow | None:
        """Numbers of one row to its outputs, after the link, by the library's own way for one; None as above."""
        return _loaded(self._load_row, *_LIGHTGBM)

    @cached_property
    def _booster(self) -> ctypes.c_void_p:
        library = _library(*_LIGHTGBM)
        booster, iterations = ctypes.c_void_p(), ctypes.c_int()
        text = ctypes.c_char_p(self.model.tobytes())
        _called(library, library.LGBM_BoosterLoadModelFromString(text, ctypes.byref(iterations), ctypes.byref(booster)))
        weakref.finalize(self, library.LGBM_BoosterFree, booster).atexit = False
        outputs = ctypes.c_int()
        _called(library, library.LGBM_BoosterGetNumClasses(booster, ctypes.byref(outputs)))
        if outputs.value != self.outputs:  # the library would write beyond the results
            raise Declined(f"the model has {outputs.value} outputs, not {self.outputs}")
        return booster

    def _load_row(self, library: Any) -> _PredictRow:
        features, config, length = self._features(library), ctypes.c_void_p(), ctypes.c_int64()
        options = ctypes.c_char_p(_ONE_THREAD)
        begin = library.LGBM_BoosterPredictForMatSingleRowFastInit
        _called(library, begin(self._booster, _NORMAL, 0, -1, _FLOAT64, features, options, ctypes.byref(config)))
        # The configuration is freed before the booster: what is registered last is called first.
        weakref.finalize(self, library.LGBM_FastConfigFree, config).atexit = False
        # It has room for one row: the interpreter's lock, which this call holds, keeps other threads out.
        call = ctypes.PyDLL(library._name).LGBM_BoosterPredictForMatSingleRowFast
        call.argtypes = [ctypes.c_void_p] * 4
        row_type, result_type = ctypes.c_double * features, ctypes.c_double * self.outputs
        size = ctypes.byref(length)

        def predict(row: Sequence[float]) -> list[float]:
            if len(row) != features:  # fewer would be filled up with zeros
                raise Declined(f"the model has {features} features, not {len(row)}")
            result = result_type()
            if call(config, row_type(*row), size, result):
                _called(library, 1)
            return result[:]

        return predict

    def _features(self, library: Any) -> int:
        count = ctypes.c_int()
        _called(library, library.LGBM_BoosterGetNumFeature(self._booster, ctypes.byref(count)))
        return count.value

    def _load(self, library: Any) -> _Predict:
        booster, length = self._booster, ctypes.c_int64()
        call, outputs, options = library.LGBM_BoosterPredictForMat, self.outputs, ctypes.c_char_p(_ONE_THREAD)

        def predict(matrix: np.ndarray) -> np.ndarray:
            rows = np.ascontiguousarray(matrix, dtype=np.float64)
            result = np.empty((len(rows), outputs))
            status = call(
                booster,
                ctypes.c_void_p(rows.ctypes.data),
                _FLOAT64,
                ctypes.c_int32(rows.shape[0]),
                ctypes.c_int32(rows.shape[1]),
                1,
                _NORMAL,
                0,
                -1,
                options,
                ctypes.byref(length),
                ctypes.c_void_p(result.ctypes.data),
            )
            _called(library, status)
            return result

        return predict


@dataclass(frozen=True)
class XGBoostLibrary:
    """A booster of XGBoost.

    Attributes:
        model: The bytes of its binary form.
        outputs: How many numbers it gives for a row.
        iterations: How many rounds count; 0 for all.
    """

    model: np.ndarray
    outputs: int
    iterations: int

    least_rows = 64
    least_rows_beside_bits = 1000
    predict_row: ClassVar[None] = None

    def check(self) -> None:
        """Find what is no model."""
        _check(self.model, self.outputs)
        if self.iterations < 0:
            raise ValueError("a model has rounds")

    @cached_property
    def predict(self) -> _Predict | None:
        """Rows x features (float32 or float64) to rows x outputs, after the link; None where there is no library."""
        return _loaded(self._load, *_XGBOOST)

    def _load(self, library: Any) -> _Predict:
        booster = ctypes.c_void_p()
        _called(library, library.XGBoosterCreate(None, ctypes.c_uint64(0), ctypes.byref(booster)))
        weakref.finalize(self, library.XGBoosterFree, booster).atexit = False
        model = self.model.tobytes()
        _called(library, library.XGBoosterLoadModelFromBuffer(booster, model, ctypes.c_uint64(len(model))))
        _called(library, library.XGBoosterSetParam(booster, b"nthread", b"1"))
        options = {"type": 0, "training": False, "iteration_begin": 0, "iteration_end": self.iterations}
        config = json.dumps({**options, "missing": float("nan"), "strict_shape": True, "cache_id": 0}).encode()
        call, outputs = library.XGBoosterPredictFromDense, self.outputs

        def predict(matrix: np.ndarray) -> np.ndarray:
            rows = np.ascontiguousarray(matrix)
            about = {"data": (rows.ctypes.data, True), "shape": rows.shape, "typestr": rows.dtype.str, "version": 3}
            shape, dimensions = ctypes.POINTER(ctypes.c_uint64)(), ctypes.c_uint64()
            found = ctypes.POINTER(ctypes.c_float)()
            places = ctypes.byref(shape), ctypes.byref(dimensions), ctypes.byref(found)
            _called(library, call(booster, json.dumps(about).encode(), config, None, *places))
            return np.ctypeslib.as_array(found, (len(rows), outputs)).copy()

        return predict


def _check(model: np.ndarray, outputs: int) -> None:
    if model.dtype != np.uint8 or model.ndim != 1 or not len(model) or outputs < 1:
        raise ValueError("a library's model is bytes, with outputs")


def _loaded(load: Callable[[Any], _Way], package: str, error: str) -> _Way | None:
    """A way to predict by a package's library; None where there is no such library, or it does not take the model."""
    try:
        return load(_library(package, error))
    except (OSError, AttributeError, Declined) as reason:
        _log.info("trees are walked by numpy: %s", reason)
        return None


@cache
def _library(package: str, error: str) -> Any:
    """Load the library inside of an installed package, without importing the package.

    Raises:
        OSError: If there is none.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise OSError(f"{package} is not installed")
    folder = Path(spec.origin).parent / "lib"
    found = next((path for suffix in ("so", "dylib", "dll") for path in sorted(folder.glob(f"*.{suffix}"))), None)
    if found is None:
        raise OSError(f"{package} has no library in {folder}")
    library: Any = ctypes.CDLL(str(found))
    library.brickyard_error = getattr(library, error)
    library.brickyard_error.restype = ctypes.c_char_p
    return library


def _called(library: Any, status: int) -> None:
    if status != 0:
        raise Declined(f"the library refused: {library.brickyard_error().decode(errors='replace')}")
