"""Rounding: half away from zero of the written digits, or half to even, in Spark's types."""

from __future__ import annotations

from brickyard.workspace.compute.gateway.errors import unsupported
from brickyard.workspace.compute.gateway.values.rules.model import Call, Fix, Operand, Rule
from brickyard.workspace.compute.gateway.values.rules.types import FLOATS, INTEGERS, Decimal, is_number

__all__ = ["RULES", "to_even"]

#: So many units have fifteen digits with the half that is added to them.
EXACT = "1e14D"


def _round(call: Call) -> Fix | None:
    kind, digits = call.kind(), _digits(call)
    if kind == "float" and call.name == "round":  # as the DOUBLE that it is
        rounded = _round(Call("round", (Operand("double"), *call.operands[1:])))
        exact = "CAST($1 AS DOUBLE)"
        return Fix(f"CAST({rounded.template.replace('$1', exact)} AS FLOAT)", "float") if rounded is not None else None
    if kind == "double":
        return Fix(f"({_double(digits) if digits != 0 else call.name + '($1)'} + 0.0D)", "double")  # no -0.0
    if kind.startswith("decimal"):
        if digits is None:
            raise unsupported(f"{call.name} of a DECIMAL to digits that are no literal", "Write the number of digits.")
        of = Decimal.of(kind)
        assert of is not None
        made = _rounded(of, digits)
        return Fix(f"CAST({to_even(digits) if call.name == 'bround' else f'round($1, {digits})'} AS {made})", str(made))
    return Fix(kind=kind) if kind in INTEGERS or kind in FLOATS else None


def _digits(call: Call) -> int | None:
    return 0 if len(call.operands) < 2 else call.operands[1].number


def _rounded(kind: Decimal, digits: int) -> Decimal:
    """The type of a rounded decimal."""
    if digits < 0:
        return Decimal(min(max(kind.whole + 1, -digits + 1), 38), 0)
    scale = min(kind.scale, digits)
    return Decimal(min(kind.whole + 1 + scale, 38), scale)


def to_even(digits: int) -> str:
    """A decimal rounded half to even: one unit less where `round` added exactly half a unit to an even digit."""
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
    """Half up of the decimal digits that a DOUBLE is written with.

    The engine rounds the binary value. With `n` whole units below it, a value is above the half if it is not below the
    DOUBLE next to `n + 0.5` units, which is the only one with these digits while they are at most fifteen. Beyond, the
    text is rounded, as far as there may be something to round.
    """
    below = f"CAST(floor({_in_units('abs($1)', digits)}) AS DOUBLE)"
    up = f"(CASE WHEN abs($1) >= {_of_units(f'({below} + 0.5D)', digits)} THEN 1.0D ELSE 0.0D END)"
    end = "1e21D" if digits is not None and digits < 0 else "1e15D"
    return (
        f"(CASE WHEN {_in_units('abs($1)', digits)} < {EXACT} THEN sign($1) * {_of_units(f'({below} + {up})', digits)} "
        f"WHEN abs($1) < {end} AND abs($1) >= 1e-3D THEN {_rounded_text(digits, end)} ELSE $1 END)"
    )


def _rounded_text(digits: int | None, end: str) -> str:
    """Of a value from 1e-3 and below `end`; a decimal becomes a DOUBLE exactly by its text only."""
    value = f"(CASE WHEN abs($1) < {end} AND abs($1) >= 1e-3D THEN $1 ELSE 0.0D END)"
    places, scale = ("$2", 22) if digits is None else (str(digits), max(0, min(digits + 3, 22)))
    text = f"CAST({value} AS STRING)" if digits is None or digits > 0 else value
    return f"CAST(CAST(round(CAST({text} AS DECIMAL(38,{scale})), {places}) AS STRING) AS DOUBLE)"


def _in_units(value: str, digits: int | None) -> str:
    """How many units of the last digit; their size is a whole number on one side of the point, and exact."""
    if digits is None:
        return f"if($2 < 0, {value} / power(10.0D, abs($2)), {value} * power(10.0D, abs($2)))"
    return f"({value} {'*' if digits >= 0 else '/'} 1e{abs(digits)}D)"


def _of_units(count: str, digits: int | None) -> str:
    if digits is None:
        return f"if($2 < 0, {count} * power(10.0D, abs($2)), {count} / power(10.0D, abs($2)))"
    return f"({count} {'/' if digits >= 0 else '*'} 1e{abs(digits)}D)"


def _bround(call: Call) -> Fix | None:
    if call.kind() == "float":
        return Fix(f"CAST(bround(CAST($1 AS DOUBLE){', $2' if len(call.operands) > 1 else ''}) AS FLOAT)", "float")
    if call.kind() in INTEGERS and (_digits(call) or 0) >= 0 and call.kind() not in {"int", "bigint"}:
        return Fix("($1)", call.kind())
    digits = _digits(call)
    if call.kind() in INTEGERS and digits is not None and digits < 0:
        exact = to_even(digits).replace("$1", "CAST($1 AS DECIMAL(20,0))")
        return Fix(f"CAST({exact} AS {call.kind()})", call.kind())
    return _round(call) if call.kind().startswith("decimal") or not is_number(call.kind()) else Fix(kind=call.kind())


RULES = {
    "round": Rule(_round, (0,)),
    "bround": Rule(_bround, (0,)),
    "rint": Rule(lambda _: Fix("bround(CAST($1 AS DOUBLE))", "double")),
}
