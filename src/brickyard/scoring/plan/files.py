"""A plan as one file: a JSON header and the bytes of its arrays. Reading runs nothing of what is in the file.

Layout: magic, SHA-256 of all that follows, length of the header (8 bytes, big endian), header, arrays, each at a
multiple of 64 bytes, which are then views of the file's bytes.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from brickyard.scoring.plan.steps import KERNEL_VERSION, step_class

if TYPE_CHECKING:
    from brickyard.scoring.plan.plan import Plan

__all__ = ["PlanFileError", "dump", "load", "read", "write", "write_whole"]

_MAGIC = b"BRICKYARD-PLAN\x00\x01"
_DIGEST = slice(len(_MAGIC), len(_MAGIC) + 32)
_LENGTH = slice(_DIGEST.stop, _DIGEST.stop + 8)
_ALIGN = 64
_SCALARS = (str, bool, int, float, type(None))


class PlanFileError(ValueError):
    """The bytes are not a plan of this version."""


def dump(plan: Plan, about: Mapping[str, Any] | None = None) -> bytes:
    """Write a plan, with a JSON mapping of what it was made from."""
    arrays: list[np.ndarray] = []
    header = {"kernel": KERNEL_VERSION, "about": dict(about or {}), "plan": _encode(plan, arrays)}
    offsets, parts, size = [], [], 0
    for array in arrays:
        data = array.tobytes(order="A")
        offsets.append(size)
        padding = -len(data) % _ALIGN
        parts += [data, bytes(padding)]
        size += len(data) + padding
    text = json.dumps({**header, "offsets": offsets}).encode()
    text += b" " * (-(_LENGTH.stop + len(text)) % _ALIGN)
    rest = len(text).to_bytes(8, "big") + text + b"".join(parts)
    return _MAGIC + hashlib.sha256(rest).digest() + rest


def load(data: bytes) -> tuple[Plan, Mapping[str, Any]]:
    """Read a plan and what it was made from.

    Raises:
        PlanFileError: If these are not the bytes of a plan of this kernel version, whole and well made.
    """
    from brickyard.scoring.plan.plan import Plan

    header, body = _header(data)
    try:
        plan = _Reader(body, header["offsets"]).value(header["plan"])
        if not isinstance(plan, Plan):
            raise PlanFileError("the file holds a part of a plan, not a plan")
        return plan, header["about"]
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, OverflowError, RecursionError) as error:
        raise PlanFileError(f"the plan in the file is not well made: {error}") from error


def write(plan: Plan, path: Path, about: Mapping[str, Any] | None = None) -> None:
    """Write a plan's file so that a reader sees all of it or none."""
    write_whole(path, dump(plan, about))


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that a reader sees all of it or none."""
    partial = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}.partial")
    partial.write_bytes(data)
    partial.replace(path)


def read(path: Path) -> tuple[Plan, Mapping[str, Any]]:
    """Read a plan's file.

    Raises:
        OSError: If the file cannot be read.
        PlanFileError: If it is not a plan of this kernel version.
    """
    return load(path.read_bytes())


def _header(data: bytes) -> tuple[Mapping[str, Any], memoryview]:
    if data[: len(_MAGIC)] != _MAGIC or len(data) < _LENGTH.stop:
        raise PlanFileError("this is not the file of a plan")
    if hashlib.sha256(data[_LENGTH.start :]).digest() != data[_DIGEST]:
        raise PlanFileError("the file of the plan is damaged: its content does not have the hash it says")
    end = _LENGTH.stop + int.from_bytes(data[_LENGTH], "big")
    try:
        header = json.loads(data[_LENGTH.stop : end])
    except (ValueError, RecursionError) as error:
        raise PlanFileError(f"the header of the plan is not JSON: {error}") from error
    if not isinstance(header, dict) or header.keys() != {"kernel", "about", "plan", "offsets"}:
        raise PlanFileError("the header of the plan lacks what it must have")
    if header["kernel"] != KERNEL_VERSION:
        raise PlanFileError(f"the plan is for kernel version {header['kernel']}, this is {KERNEL_VERSION}")
    return header, memoryview(data)[end:]


def _encode(value: Any, arrays: list[np.ndarray]) -> Any:
    if isinstance(value, np.ndarray):
        return _encode_array(value, arrays)
    if isinstance(value, tuple):
        return [_encode(item, arrays) for item in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        kind = type(value)
        fields = {field.name: _encode(getattr(value, field.name), arrays) for field in dataclasses.fields(value)}
        return {"step": f"{kind.__module__.rsplit('.', 1)[-1]}.{kind.__qualname__}", "fields": fields}
    if type(value) in _SCALARS:
        return value
    raise TypeError(f"a plan cannot hold a {type(value).__name__}")


def _encode_array(value: np.ndarray, arrays: list[np.ndarray]) -> Any:
    if value.dtype.kind in "OU":
        items = value.tolist()
        if value.ndim != 1 or not all(type(item) in _SCALARS for item in items):
            raise TypeError("a plan holds objects only as one row of texts and numbers")
        return {"items": items, "dtype": value.dtype.str}
    if value.dtype.kind not in "fiub":
        raise TypeError(f"a plan cannot hold an array of {value.dtype}")
    order = "C" if value.flags.c_contiguous else "F"
    if order == "F" and not value.flags.f_contiguous:
        value = np.ascontiguousarray(value)
        order = "C"
    arrays.append(value)
    return {"array": len(arrays) - 1, "dtype": value.dtype.str, "shape": list(value.shape), "order": order}


class _Reader:
    """Values out of a header; every array is a view of the body that cannot be written."""

    def __init__(self, body: memoryview, offsets: list[int]) -> None:
        self._body = body
        self._offsets = offsets

    def value(self, coded: Any) -> Any:
        if isinstance(coded, list):
            return tuple(self.value(item) for item in coded)
        if not isinstance(coded, dict):
            return coded
        kinds: dict[str, Callable[[dict[str, Any]], Any]] = {
            "step": self._step,
            "array": self._array,
            "items": self._items,
        }
        kind = next(name for name in [*kinds, ""] if name in coded or not name)
        if not kind:
            raise ValueError(f"unknown value: {str(coded)[:80]}")
        return kinds[kind](coded)

    def _step(self, coded: dict[str, Any]) -> Any:
        kind = step_class(coded["step"])
        step = kind(**{name: self.value(field) for name, field in coded["fields"].items()})
        step.check()
        return step

    def _array(self, coded: dict[str, Any]) -> np.ndarray:
        dtype, shape, offset = np.dtype(coded["dtype"]), tuple(coded["shape"]), self._offsets[coded["array"]]
        if dtype.kind not in "fiub" or not all(isinstance(size, int) and size >= 0 for size in shape) or offset < 0:
            raise ValueError(f"no array is like this: {str(coded)[:80]}")
        flat: np.ndarray = np.frombuffer(self._body, dtype, count=math.prod(shape), offset=offset)
        return flat.reshape(shape, order=coded["order"])

    def _items(self, coded: dict[str, Any]) -> np.ndarray:
        items, dtype = coded["items"], np.dtype(coded["dtype"])
        if dtype.kind not in "OU" or not isinstance(items, list) or not all(type(i) in _SCALARS for i in items):
            raise ValueError(f"no array is like this: {str(coded)[:80]}")
        values = np.empty(len(items), dtype=dtype)
        values[:] = items
        return values
