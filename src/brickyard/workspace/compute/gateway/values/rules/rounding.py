"""Rounding: half away from zero of the written digits, or half to even, in Spark's types."""

from __future__ import annotations

from brickyard.workspace.compute.gateway.errors import unsupported
from brickyard.workspace.compute.gateway.values.rules.model import Call, Fix, Rule
from brickyard.workspace.compute.gateway.values.rules.types import FLOATS, INTEGERS, Decimal, is_number

__all__ = ["RULES"]

#: From here on a DOUBLE times a power of ten is no longer exact.
EXACT = "4.5e15D"


def _round(call: Call) -> Fix | None:
    kind, digits = call.kind(), _digits(call)
    if kind == "double":
        return Fix(f"({_double(digits) if digits != 0 else call.name + '($1)'} + 0.0D)", "double")  # no -0.0
    if kind.startswith("decimal"):
        if digits is None:
            raise unsupported(f"{call.name} of a DECIMAL to digits that are no literal", "Write the number of digits.")
        of = Decimal.of(kind)
        assert of is not None
        made = _rounded(of, digits)
        return Fix(
            f"CAST({_to_even(digits) if call.name == 'bround' else f'round($1, {digits})'} AS {made})", str(made)
        )
    return Fix(kind=kind) if kind in INTEGERS or kind in FLOATS else None


def _digits(call: Call) -> int | None:
    return 0 if len(call.operands) < 2 else call.operands[1].number


def _rounded(kind: Decimal, digits: int) -> Decimal:
    """The type of a rounded decimal."""
    if digits < 0:
        return Decimal(min(max(kind.whole + 1, -digits + 1), 38), 0)
    scale = min(kind.scale, digits)
    return Decimal(min(kind.whole + 1 + scale, 38), scale)


def _to_even(digits: int) -> str:
    """Like `round`, but one unit less where exactly half a unit was added to an even digit."""
    unit, half, two = (_literal(count, digits) for count in (10, 5, 20))
    near = f"round($1, {digits})"
    return (
        f"(CASE WHEN abs($1 - {near}) = {half} AND {near} % {two} <> 0 "
        f"THEN {near} - (CASE WHEN $1 < 0 THEN -{unit} ELSE {unit} END) ELSE {near} END)"
    )


def _literal(tenths: int, digits: int) -> str:
    """So many tenths of the unit of the last digit."""
    if digits < 0:
        return str(tenths * 10 ** (-digits - 1))
    text = str(tenths).rjust(digits + 2, "0")
    return f"{text[: len(text) - digits - 1]}.{text[len(text) - digits - 1 :]}"


def _double(digits: int | None) -> str:
    """The engine rounds the binary value; near a half, or where it would lose digits, round the written one."""
    places = "$2" if digits is None else str(digits)
    scaled = f"abs($1 * power(10.0D, {places}))" if digits is None else f"abs($1 * 1e{digits}D)"
    near = f"abs({scaled} % 1.0D - 0.5D) < 1e-3D OR {scaled} >= {EXACT}"
    within = "CAST((CASE WHEN abs($1) < {} AND abs($1) >= 1e-4D THEN $1 ELSE 0.0D END) AS STRING)"  # all are evaluated
    small = f"round(CAST({within.format('1e9D')} AS DECIMAL(38,28)), {places})"
    large = f"round(CAST({within.format('1e15D')} AS DECIMAL(38,16)), {places})"
    written = (
        f"(CASE WHEN abs($1) >= 1e15D THEN $1 WHEN abs($1) >= 1e9D THEN CAST({large} AS DOUBLE) "
        f"WHEN abs($1) < 1e-4D THEN round($1, {places}) ELSE CAST({small} AS DOUBLE) END)"
    )
    return f"(CASE WHEN {near} THEN {written} ELSE round($1, {places}) END)"


def _bround(call: Call) -> Fix | None:
    return _round(call) if call.kind().startswith("decimal") or not is_number(call.kind()) else Fix(kind=call.kind())


RULES = {
    "round": Rule(_round, (0,)),
    "bround": Rule(_bround, (0,)),
    "rint": Rule(lambda _: Fix("bround(CAST($1 AS DOUBLE))", "double")),
}
