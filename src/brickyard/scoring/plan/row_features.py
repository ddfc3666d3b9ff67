"""The features of one row from Python's values: numpy takes about as long for one row as for a hundred.

As in `row_terms`, what is done to each input is written out as a function of Python, whose text has only the kind of
each feature in it. Floats of Python are float64, so only features of that type are made here.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from brickyard.scoring.plan.categories import DECLINES, NOTHING, Categories, OneHot, Ordinal
from brickyard.scoring.plan.row_terms import READERS
from brickyard.scoring.plan.transforms import Arithmetic, Finite, Impute, Passthrough

if TYPE_CHECKING:
    from brickyard.scoring.plan.plan import Block, Plan

__all__ = ["RowFeatures", "row_features_of"]

# By the operations of a scaler: what becomes of a number.
_SCALED = {
    "": "{x}",
    "-": "({x} - a{i})",
    "/": "({x} / a{i})",
    "-/": "(({x} - a{i}) / b{i})",
    "*+": "({x} * a{i} + b{i})",
}
# By the kind of an encoder's known values: types of columns whose values Python compares with them as numpy does.
_KINDS = {"O": ("string", "boolean"), "f": ("double",), "i": ("integer", "long")}
# Statements that check the value of an input; whole numbers stay what they are, for the encoders.
_CHECKS = {
    "double": "if type({x}) is not float: {x} = double({x})",
    "float": "single({x})",
    "integer": "integer({x})",
    "long": "long({x})",
    "boolean": "boolean({x})",
    "string": "if type({x}) is not str: text({x})",
}
_INFINITE = (math.inf, -math.inf)


@dataclass
class _Written:
    """The lines of the function, what they name, and how many features there are."""

    lines: list[str] = field(default_factory=list)
    names: dict[str, Any] = field(default_factory=dict)
    width: int = 0


class RowFeatures:
    """Makes the matrix of one row.

    Args:
        write: Puts the features of a row's values into a list, which has one place more than there are features.
        width: How many features there are.
    """

    def __init__(self, write: Callable[[Sequence[Any], list[float]], None], width: int) -> None:
        self._write = write
        self._zeros = [0.0] * (width + 1)

    def matrix(self, arrays: Sequence[np.ndarray]) -> np.ndarray | None:
        """Return the features of the only row of columns; None where the way for all rows has to make them."""
        try:
            return self.of_values([array.item() for array in arrays])
        except AttributeError:  # texts of Arrow
            return None

    def of_values(self, values: Sequence[Any]) -> np.ndarray | None:
        """Return the features of a row's values as JSON gives them, one for each input; None as above."""
        features = self.numbers(values)
        return None if features is None else np.array([features], dtype=np.float64)

    def numbers(self, values: Sequence[Any]) -> list[float] | None:
        """As `of_values`, without an array."""
        features = self._zeros.copy()
        try:
            self._write(values, features)
        except (TypeError, ValueError, ArithmeticError):
            return None
        features.pop()
        return features


def row_features_of(plan: Plan) -> RowFeatures | None:
    """Return what makes the features of one row; None where some are not made of plain steps, or not float64."""
    written = _Written()
    doubles = False
    for block in plan.blocks:
        made = _write_block(plan, block, written)
        if made is None:
            return None
        doubles |= made
    if not doubles or not all(isinstance(step, Finite | Passthrough) for step in plan.steps):
        return None
    if any(isinstance(step, Finite) for step in plan.steps):
        written.lines.append("    if sum(f) - sum(f) != 0.0: raise ValueError")
    head = ["def write(values, f):", f"    {', '.join(f'x{i}' for i in range(len(plan.inputs)))}, = values"]
    head += [f"    {_CHECKS[column.kind].format(x=f'x{i}')}" for i, column in enumerate(plan.inputs)]
    names = {**READERS, **written.names, "nothing": written.width}
    exec(compile("\n".join([*head, *written.lines]), "<the features of a row>", "exec"), names)
    return RowFeatures(names["write"], written.width)


def _write_block(plan: Plan, block: Block, written: _Written) -> bool | None:
    """Write a block's features; return whether they are float64 for certain, or None where they cannot be written."""
    kinds = {plan.inputs[position].kind for position in block.columns}
    encoder = block.steps[0] if len(block.steps) == 1 else None
    if isinstance(encoder, OneHot | Ordinal):
        of_columns = zip(block.columns, encoder.columns, strict=True)
        if not all(plan.inputs[position].kind in _KINDS.get(by.known.dtype.kind, ()) for position, by in of_columns):
            return None
        if isinstance(encoder, OneHot):
            _write_places(block, encoder, written)
        else:
            _write_values(block, encoder, written)
        return encoder.dtype in {"float64", "<f8", "d"}
    if kinds & {"string", "float"}:
        return None  # features of float32 are not Python's
    return _write_numbers(block, written) and ("double" in kinds or any(_makes_floats(step) for step in block.steps))


def _makes_floats(step: Any) -> bool:
    return isinstance(step, Arithmetic) or (isinstance(step, Impute) and step.numeric)


def _write_places(block: Block, encoder: OneHot, written: _Written) -> None:
    for position, by, width in zip(block.columns, encoder.columns, encoder.widths, strict=True):
        place = f"p{len(written.names)}"
        written.names[place] = _ByValue(by, partial(operator.add, written.width))
        written.lines.append(f"    at = {place}[x{position}]; f[nothing if at < 0 else at] = 1.0")
        written.width += width


def _write_values(block: Block, encoder: Ordinal, written: _Written) -> None:
    for position, by, values in zip(block.columns, encoder.columns, encoder.values, strict=True):
        value = f"v{len(written.names)}"
        written.names[value] = _ByValue(by, values.astype(encoder.dtype).astype(np.float64).tolist().__getitem__)
        written.lines.append(f"    f[{written.width}] = {value}[x{position}]")
        written.width += 1


class _ByValue(dict[Any, Any]):
    """What each value becomes; -1 for no place. One that the encoder refuses is an error."""

    def __init__(self, by: Categories, become: Callable[[int], Any]) -> None:
        def of(code: int) -> Any:
            return -1 if code == NOTHING else become(code)

        super().__init__((value, of(code)) for value, code in zip(by.known.tolist(), by.codes.tolist(), strict=True))
        self._other = None if by.unknown == DECLINES else of(by.unknown)
        self._types = {str, bool, type(None)} if by.known.dtype.kind == "O" else {int, float}

    def __missing__(self, value: Any) -> Any:
        if self._other is None or type(value) not in self._types or value in _INFINITE or value != value:
            raise TypeError
        return self._other


def _write_numbers(block: Block, written: _Written) -> bool | None:
    """Write numeric columns through at most an imputer and a scaler; None where there is more to them."""
    positions, fills = list(block.columns), None
    scaler: Arithmetic | None = None
    for step in block.steps:
        if isinstance(step, Impute) and fills is None and scaler is None and step.fills_nan:
            positions = [position for position, kept in zip(positions, step.keep.tolist(), strict=True) if kept]
            fills = step.fill.tolist()
        elif isinstance(step, Arithmetic) and step.limits is None and scaler is None:
            if "".join(step.operations) not in _SCALED or any(v.dtype != np.float64 for v in step.vectors):
                return None
            scaler = step
        elif not isinstance(step, Passthrough):
            return None
    for at, position in enumerate(positions):
        _write_number(position, None if fills is None else fills[at], scaler, at, written)
    return True


def _write_number(position: int, fill: Any, scaler: Arithmetic | None, at: int, written: _Written) -> None:
    i, x = written.width, f"x{position}"
    if fill is not None or scaler is not None:  # scikit-learn refuses infinities
        written.lines.append(f"    if {x} - {x} != 0.0 and {x} == {x}: raise ValueError")
    if fill is not None:
        written.names[f"f{i}"] = float(fill)
        x = f"({x} if {x} == {x} else f{i})"
    if scaler is not None:
        vectors = zip("ab", scaler.vectors, strict=False)
        written.names |= {f"{letter}{i}": float(vector[at]) for letter, vector in vectors}
        x = _SCALED["".join(scaler.operations)].format(x=x, i=i)
    written.lines.append(f"    f[{i}] = {x}")
    written.width += 1
