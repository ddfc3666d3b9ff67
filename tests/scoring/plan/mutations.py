"""A plan with one of its values changed, for each of its values."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np

_MOST_ELEMENTS = 6


def mutations(value: Any, where: str = "plan") -> Iterator[tuple[str, Any]]:
    """Give what was changed, and the value with that change, for a plan or any part of one."""
    if isinstance(value, np.ndarray):
        yield from _array(value, where)
    elif isinstance(value, tuple):
        yield from _tuple(value, where)
    elif dataclasses.is_dataclass(value):
        part: Any = value
        for field in dataclasses.fields(part):
            for what, changed in mutations(getattr(part, field.name), f"{where}.{field.name}"):
                yield what, dataclasses.replace(part, **{field.name: changed})
    else:
        yield from ((f"{where}: {value!r} -> {changed!r}", changed) for changed in _scalars(value))


def _tuple(values: tuple[Any, ...], where: str) -> Iterator[tuple[str, Any]]:
    for position, value in enumerate(values):
        for what, changed in mutations(value, f"{where}[{position}]"):
            yield what, (*values[:position], changed, *values[position + 1 :])
    if len(values) > 1:
        yield f"{where}: the first two change places", (values[1], values[0], *values[2:])
    if values:
        yield f"{where}: without the last", values[:-1]


def _array(values: np.ndarray, where: str) -> Iterator[tuple[str, Any]]:
    flat = values.size
    chosen = sorted({int(at) for at in np.linspace(0, flat - 1, min(flat, _MOST_ELEMENTS))}) if flat else []
    for at in chosen:
        for changed in _scalars(values.ravel(order="K")[at : at + 1].tolist()[0]):
            copy = values.copy(order="K")
            copy[np.unravel_index(at, values.shape)] = changed
            if copy.tolist() != values.tolist():
                yield f"{where}[{at}] -> {changed!r}", copy
    if values.ndim == 1 and flat > 1 and values[0] != values[1]:
        yield f"{where}: the first two change places", np.concatenate([values[1::-1], values[2:]])


def _scalars(value: Any) -> list[Any]:
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1, value - 1]
    if isinstance(value, float):
        return [] if np.isnan(value) else [float(np.nextafter(value, np.inf)), value * 1.5 + 0.1]
    if isinstance(value, str):
        return [value + "x", ""] if value else ["x"]
    return []
