"""Functions of dates and timestamps."""

from __future__ import annotations

from brickyard.workspace.compute.gateway.errors import unsupported
from brickyard.workspace.compute.gateway.values.rules.model import Call, Fix, Rule
from brickyard.workspace.compute.gateway.values.rules.types import FLOATS, INTEGERS, Decimal

__all__ = ["RULES"]

#: The parts of a date that the engine counts otherwise, or does not know.
PARTS = {
    **dict.fromkeys(("DOW", "DAYOFWEEK"), "dayofweek($2)"),
    **dict.fromkeys(("DOW_ISO", "DAYOFWEEK_ISO"), "(weekday($2) + 1)"),
}
OF_DAY = "date_format({}, 'HH:mm:ss.SSSSSS')"
MICROS = "timestamp_micros(CAST($1 * {} AS BIGINT))"


def _part(call: Call) -> Fix | None:
    template = PARTS.get(call.operands[0].word)
    return Fix(template, "int") if template else None


def _difference(call: Call) -> Fix | None:
    """Days between timestamps are whole days."""
    if len(call.operands) == 2:
        return Fix(around="CAST($0 AS INT)", kind="int")
    unit = call.operands[0].word
    if unit not in {"DAY", "DAYOFYEAR", "WEEK"} or call.kind(1) == call.kind(2) == "date":
        return Fix(kind="bigint")
    first, last = "CAST($2 AS TIMESTAMP)", "CAST($3 AS TIMESTAMP)"
    days = f"datediff(CAST({last} AS DATE), CAST({first} AS DATE))"
    early, late = OF_DAY.format(first), OF_DAY.format(last)
    whole = (
        f"(CASE WHEN {days} > 0 AND {late} < {early} THEN {days} - 1 "
        f"WHEN {days} < 0 AND {late} > {early} THEN {days} + 1 ELSE {days} END)"
    )
    return Fix(f"CAST({whole} AS BIGINT)" if unit != "WEEK" else f"CAST({whole} div 7 AS BIGINT)", "bigint")


def _has_two(call: Call) -> bool:
    return len(call.operands) == 2


def _seconds(call: Call) -> Fix | None:
    kind = call.kind()
    if kind in FLOATS:
        return Fix(MICROS.format("1000000D"), "timestamp")
    decimal = Decimal.of(kind) if kind not in INTEGERS else None
    if decimal is None:
        return None
    if decimal.scale > 6:
        raise unsupported("timestamp_seconds of more than six digits after the point", "Cast to DECIMAL(20,6).")
    return Fix("timestamp_micros(CAST(CAST($1 AS DECIMAL(38,6)) * 1000000 AS BIGINT))", "timestamp")


DIFFERENCE = Rule(_difference, (1, 2), _has_two)
RULES = {
    "extract": Rule(_part),
    "date_part": Rule(_part),
    "datepart": Rule(_part),
    **dict.fromkeys(("datediff", "date_diff", "timestampdiff"), DIFFERENCE),
    "timestamp_seconds": Rule(_seconds, (0,)),
}
