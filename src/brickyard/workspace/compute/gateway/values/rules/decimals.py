"""Decimal arithmetic with Spark's types: precision, scale, and an error where a value has too many digits.

Sail computes in 128 bits. It takes an integer literal for ten digits, divides to four digits more than the dividend
has, keeps all digits of a product, and does not look whether 38 digits are exceeded (0.7.2).
"""

from __future__ import annotations

from collections.abc import Callable

from brickyard.workspace.compute.gateway.values.rules.model import Call, Fix, Operand
from brickyard.workspace.compute.gateway.values.rules.types import INTEGERS, Decimal

__all__ = ["decimal_arithmetic"]

MOST = 38
#: The digits that Sail's division adds to the dividend's.
ADDED = 4
#: The digits after the point that values are expected to have at most, in columns of types with more.
SHORT = (8, 12)
Sides = tuple[str, str]


def decimal_arithmetic(call: Call) -> Fix | None:
    """`+`, `-`, `*`, `/` and `%` of decimals, or of a decimal and an integer."""
    left, right = _operand(call.operands[0]), _operand(call.operands[1])
    kind = _result(call.name, left, right)
    sides = _side(1, call, left), _side(2, call, right)
    if call.name == "/":
        return Fix(_quotient(sides, left, right, kind), str(kind))
    text, scale = f"({sides[0]} {call.name} {sides[1]})", max(left.scale, right.scale)
    if call.name == "*":
        if left.precision + right.precision + 1 > MOST:
            return Fix(_product(sides, left, right, kind), str(kind))
        scale = left.scale + right.scale
    if call.name in "+-*" and sides == ("$1", "$2") and kind.precision < MOST:
        return Fix(kind=str(kind))
    return Fix(_exact(text, -1 if call.name == "%" else scale, kind), str(kind))


def _operand(operand: Operand) -> Decimal:
    """An operand's type; an integer literal has as many digits as are written."""
    if operand.kind in INTEGERS and operand.number is not None:
        return Decimal(len(str(abs(operand.number))), 0)
    found = Decimal.of(operand.kind)
    assert found is not None
    return found


def _side(number: int, call: Call, kind: Decimal) -> str:
    operand = call.operands[number - 1]
    exact = operand.kind not in INTEGERS and operand.value is None
    return f"${number}" if exact else call.cast(number, str(kind))


def _full(left: Decimal, right: Decimal) -> int:
    return max(left.whole, right.whole) + max(left.scale, right.scale) + 1


def _result(sign: str, left: Decimal, right: Decimal) -> Decimal:
    scale = max(left.scale, right.scale)
    if sign == "*":
        return Decimal(left.precision + right.precision + 1, left.scale + right.scale).adjusted()
    if sign == "/":
        scale = max(6, left.scale + right.precision + 1)
        return Decimal(left.whole + right.scale + scale, scale).adjusted()
    if sign == "%":
        return Decimal(min(left.whole, right.whole) + scale, scale).adjusted()
    return Decimal(_full(left, right), scale).adjusted()


def _cast(text: str, kind: Decimal) -> str:
    return f"CAST({text} AS {kind})"


def _exact(text: str, scale: int, kind: Decimal) -> str:
    """A value in its type, or an error if it has too many digits, which a cast to the same type would let pass."""
    if scale != kind.scale or kind.precision < MOST:
        return _cast(text, kind)
    largest = "9" * kind.whole + ("." + "9" * kind.scale if kind.scale else "")
    too_large = _cast(_cast(text, Decimal(MOST - 1, kind.scale)), kind)
    return f"(CASE WHEN abs({text}) <= {largest} THEN {_cast(text, kind)} ELSE {too_large} END)"


def _product(sides: Sides, left: Decimal, right: Decimal, kind: Decimal) -> str:
    """With all digits if 128 bits are sure to hold them; else with those that are needed, or an error."""

    def product(pair: Sides, one: Decimal, two: Decimal) -> str:
        scale = one.scale + two.scale
        return _exact(f"({pair[0]} * {pair[1]})", scale, kind) if scale <= MOST else _too_many(kind)

    return _shortened(sides, left, right, product)


def _shortened(sides: Sides, left: Decimal, right: Decimal, make: Callable[[Sides, Decimal, Decimal], str]) -> str:
    """What is made of the operands, with fewer digits after the point where the others are zeros."""
    branches = []
    for digits in SHORT:
        if max(left.scale, right.scale) <= digits:
            break
        one, two = (Decimal(MOST, min(kind.scale, digits)) for kind in (left, right))
        shorter = _cast(sides[0], one), _cast(sides[1], two)
        same = " AND ".join(f"{side} = {short}" for side, short in zip(sides, shorter, strict=True))
        branches.append(f"WHEN {same} THEN {make(shorter, one, two)}")
    whole = make(sides, left, right)
    if not branches:
        return whole
    missing = " OR ".join(f"isnull({side})" for side in sides)
    return f"(CASE WHEN {missing} THEN NULL {' '.join(branches)} ELSE {whole} END)"


def _too_many(kind: Decimal) -> str:
    message = "[NUMERIC_VALUE_OUT_OF_RANGE] The product has too many digits for the engine. Cast the factors."
    return _cast(f"raise_error('{message}')", kind)


def _quotient(sides: Sides, left: Decimal, right: Decimal, kind: Decimal) -> str:
    """One digit more than the result has, cut off, rounds as all digits do."""
    return _shortened(sides, left, right, lambda pair, one, two: _divided(pair, one, two, kind))


def _divided(sides: Sides, left: Decimal, right: Decimal, kind: Decimal) -> str:
    scale = max(left.scale, kind.scale + 1 - ADDED)
    dividend = sides[0] if scale == left.scale else _cast(sides[0], Decimal(MOST, scale))
    return _cast(f"({dividend} / {sides[1]})", kind)
