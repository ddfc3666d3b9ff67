"""Intervals of days and times as the microseconds that they are: exact, rounded half up, or an error past their range.

Sail wraps their numbers around, cuts what Spark rounds, and gives null where Spark fails (0.7.2).
"""

from __future__ import annotations

from brickyard.workspace.compute.gateway.errors import unsupported
from brickyard.workspace.compute.gateway.values.rules.calendar import MICROS, OF_CLOCK
from brickyard.workspace.compute.gateway.values.rules.decimals import decimal_arithmetic
from brickyard.workspace.compute.gateway.values.rules.model import Call, Fix, Operand, Rule
from brickyard.workspace.compute.gateway.values.rules.texts import quoted
from brickyard.workspace.compute.gateway.values.rules.types import FLOATS, INTEGERS, is_number

__all__ = ["RULES", "SPAN", "as_interval", "is_of_clock", "of_micros", "scaled"]

SPAN = "interval day to second"
#: How many microseconds there are in each.
UNITS = {"day": 86_400_000_000, "hour": 3_600_000_000, "minute": 60_000_000, "second": 1_000_000}
MONTHS = {"interval year": "make_ym_interval({})", "interval month": "make_ym_interval(0, {})"}
WHOLE = "decimal(19,0)"
OVERFLOW = "[INTERVAL_ARITHMETIC_OVERFLOW] Integer overflow while operating with intervals. Use smaller numbers."


def is_of_clock(kind: str) -> bool:
    """Whether it is a type of intervals of days and times."""
    return kind.startswith(OF_CLOCK)


def of_micros(count: str) -> str:
    """An interval of so many microseconds, which are a DECIMAL."""
    error = f"CAST(raise_error({quoted(OVERFLOW)}) AS BIGINT)"
    micros = f"(CASE WHEN abs({count}) > {2**63 - 1} THEN {error} ELSE CAST({count} AS BIGINT) END)"
    return f"(timestamp_micros({micros}) - timestamp_micros(CAST(0 AS BIGINT)))"


def scaled(call: Call) -> Fix | None:
    """An interval times a number, or divided by one."""
    at = 1 if is_of_clock(call.kind()) else 2
    other = call.kind(2 - at)
    if not is_of_clock(call.kind(at - 1)) or not is_number(other):
        return None
    micros, number = f"CAST({MICROS.format('+', f'${at}')} AS {WHOLE})", f"${3 - at}"
    if other in FLOATS:
        made = f"CAST((CAST({micros} AS DOUBLE) {call.name} CAST({number} AS DOUBLE)) AS DECIMAL(38,6))"
    else:
        factor = WHOLE if other in INTEGERS else other
        fix = decimal_arithmetic(Call(call.name, (Operand(WHOLE), Operand(factor))))
        assert fix is not None
        made = fix.template or f"($1 {call.name} $2)"
        made = made.replace("$2", "$0").replace("$1", micros).replace("$0", f"CAST({number} AS {factor})")
    return Fix(of_micros(f"round({made}, 0)"), SPAN)


def _made(call: Call) -> Fix | None:
    """`make_dt_interval`: what is past the range is an error."""
    if len(call.operands) > len(UNITS) or all(abs(one.number or 10**5) < 10**5 for one in call.operands):
        return None
    parts = [
        f"CAST(${number} AS DECIMAL({'18,6' if unit == 'second' else '12,0'})) * {micros}"
        for number, (unit, micros) in zip(range(1, len(call.operands) + 1), UNITS.items(), strict=False)
    ]
    return Fix(of_micros(" + ".join(parts)), SPAN)


def as_interval(kind: str, target: str) -> Fix:
    """A number as an interval of one unit.

    Raises:
        SparkError: UNSUPPORTED_BY_ENGINE.
    """
    unit = UNITS.get(target.removeprefix("interval "))
    if kind in INTEGERS and unit:
        return Fix(of_micros(f"CAST($1 AS DECIMAL(20,0)) * {unit}"), SPAN)
    if kind in INTEGERS and target in MONTHS:
        return Fix(f"CAST({MONTHS[target].format('CAST($1 AS INT)')} AS {target})", target)
    raise unsupported(f"a cast of {kind.upper()} to {target.upper()}", "Use make_dt_interval() or make_ym_interval().")


RULES = {"make_dt_interval": Rule(_made)}
