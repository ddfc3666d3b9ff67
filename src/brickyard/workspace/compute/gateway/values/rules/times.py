"""Functions of dates and timestamps."""

from __future__ import annotations

import re

from brickyard.workspace.compute.gateway.errors import PARSE, SparkError, unsupported
from brickyard.workspace.compute.gateway.values.rules.calendar import LOCAL, days_later
from brickyard.workspace.compute.gateway.values.rules.model import Call, Fix, Rule, all_of, unexpected, untyped
from brickyard.workspace.compute.gateway.values.rules.texts import quoted
from brickyard.workspace.compute.gateway.values.rules.types import FLOATS, INTEGERS, Decimal, is_number

__all__ = ["RULES", "floored"]

#: The parts of a date that the engine counts otherwise, or does not know.
PARTS = {
    **dict.fromkeys(("DOW", "DAYOFWEEK"), "dayofweek($2)"),
    "YEAROFWEEK": "year(date_add(CAST($2 AS DATE), 3 - pmod(dayofweek($2) + 5, 7)))",
    **dict.fromkeys(("DOW_ISO", "DAYOFWEEK_ISO"), "(pmod(dayofweek($2) + 5, 7) + 1)"),
}
#: Parts that an interval has too.
MICROS_OF = "unix_micros(timestamp_micros(CAST(0 AS BIGINT)) + $2)"
OF_INTERVALS = {
    **dict.fromkeys(
        ("H", "HR", "HRS", "HOUR", "HOURS"),
        Fix(f"CAST({MICROS_OF} div CAST(3600000000 AS BIGINT) % 24 AS TINYINT)", "tinyint"),
    ),
    **dict.fromkeys(
        ("M", "MIN", "MINS", "MINUTE", "MINUTES"),
        Fix(f"CAST({MICROS_OF} div CAST(60000000 AS BIGINT) % 60 AS TINYINT)", "tinyint"),
    ),
    **dict.fromkeys(
        ("S", "SEC", "SECS", "SECOND", "SECONDS"),
        Fix(f"CAST(CAST({MICROS_OF} % 60000000 AS DECIMAL(8,0)) * 0.000001 AS DECIMAL(8,6))", "decimal(8,6)"),
    ),
}
OF_DAY = "date_format({}, 'HH:mm:ss.SSSSSS')"
MICROS = "CAST(timestamp_micros(CAST($1 * {} AS BIGINT)) AS TIMESTAMP)"
#: Of units of so many microseconds; the engine's own numbers wrap around.
COUNTED = "CAST(timestamp_micros(CAST(CAST($1 AS DECIMAL(20,0)) * {} AS BIGINT)) AS TIMESTAMP)"
#: What stands for itself in a pattern.
QUOTED = re.compile(r"'[^']*'")
PARTS_OF_PATTERN = re.compile(r"'[^']*'|z+|[^'z]+")
LONG = 4
#: What `trunc` takes.
UNITS = frozenset({"YEAR", "YYYY", "YY", "QUARTER", "MONTH", "MM", "MON", "WEEK"})
#: The first day of a unit, of days that the engine's own functions have no nanoseconds for too.
FIRST = {
    **dict.fromkeys(("YEAR", "YYYY", "YY"), "make_date(year({0}), 1, 1)"),
    "QUARTER": "make_date(year({0}), quarter({0}) * 3 - 2, 1)",
    **dict.fromkeys(("MONTH", "MM", "MON"), "date_sub({0}, day({0}) - 1)"),
    "WEEK": "date_sub({0}, pmod(dayofweek({0}) + 5, 7))",
    **dict.fromkeys(("DAY", "DD"), "{0}"),
}
UNITS_OF_TIMES = frozenset({"DAY", "DD", "HOUR", "MINUTE", "SECOND", "MILLISECOND", "MICROSECOND"})
#: Gives a time the session's zone.
IN_ZONE = "CAST($0 AS TIMESTAMP)"


def _part(call: Call) -> Fix | None:
    if call.kind(1).startswith("interval day") or call.kind(1).startswith(("interval h", "interval min", "interval s")):
        return OF_INTERVALS.get(call.operands[0].word)
    template = PARTS.get(call.operands[0].word)
    return Fix(template, "int") if template else None


def _needs_no_type(call: Call) -> bool:
    return call.operands[0].word not in OF_INTERVALS


def floored(unit: int, value: str = "$1") -> str:
    """Whole units of so many microseconds since 1970, downwards before it too."""
    micros = f"unix_micros({value})"
    return f"(({micros} - pmod({micros}, CAST({unit} AS BIGINT))) div CAST({unit} AS BIGINT))"


def _truncated(call: Call) -> Fix | None:
    """A timestamp, of texts and dates too."""
    unit = call.operands[0].value
    if unit is not None and unit.upper() not in UNITS | UNITS_OF_TIMES:
        return Fix("CAST(NULL AS TIMESTAMP)", "timestamp")
    first = FIRST.get((unit or "").upper(), "")
    if first and not call.zoned:
        return Fix(f"CAST({first.format('CAST(CAST($2 AS TIMESTAMP) AS DATE)')} AS TIMESTAMP)", "timestamp")
    if call.kind(1) in {"string", "date", "timestamp_ntz"}:
        return Fix("date_trunc($1, CAST($2 AS TIMESTAMP))", "timestamp")
    return Fix(kind=call.kind(1))


def _cut(call: Call) -> Fix | None:
    """A date, or null if there is no such unit."""
    unit = call.operands[1].value if len(call.operands) == 2 else None
    if unit is None:
        return None
    first = FIRST.get(unit.upper(), "") if unit.upper() in UNITS else ""
    return Fix(first.format("CAST($1 AS DATE)") if first else "CAST(NULL AS DATE)", "date")


def _tried_stamp(call: Call) -> Fix | None:
    """A number is in seconds, and a time stays one; neither fails."""
    fix = _stamp(call)
    return fix and Fix(fix.template.replace("CAST(", "TRY_CAST("), fix.kind)


def _stamp(call: Call) -> Fix | None:
    """Numbers are seconds; times stay what they are."""
    known = len(call.operands) == 1 and (is_number(call.kind()) or call.kind().startswith("timestamp"))
    return Fix("CAST($1 AS TIMESTAMP)", "timestamp") if known else None


def _difference(call: Call) -> Fix | None:
    """Days between timestamps are whole days."""
    if len(call.operands) == 2:
        return Fix(around="CAST($0 AS INT)", kind="int")
    _check_unit(call)
    unit = call.operands[0].word
    if call.zoned and unit not in {"DAY", "DAYOFYEAR", "WEEK"}:  # of what the clock shows
        sides = [
            LOCAL.format(side) if kind == "timestamp" else side
            for side, kind in (("$2", call.kind(1)), ("$3", call.kind(2)))
        ]
        return Fix(f"timestampdiff($1, {sides[0]}, {sides[1]})", "bigint")
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
    if kind in INTEGERS:
        return Fix(COUNTED.format(1000000), "timestamp")
    if kind in FLOATS:
        return Fix(MICROS.format("1000000D"), "timestamp")
    decimal = Decimal.of(kind)
    if decimal is None:
        return None
    if decimal.scale > 6:
        raise unsupported("timestamp_seconds of more than six digits after the point", "Cast to DECIMAL(20,6).")
    return Fix("CAST(timestamp_micros(CAST(CAST($1 AS DECIMAL(38,6)) * 1000000 AS BIGINT)) AS TIMESTAMP)", "timestamp")


def _shown(call: Call) -> Fix | None:
    """Letters of the time zone are of the session's, for dates too."""
    pattern = call.operands[1].value if len(call.operands) == 2 else None
    letters = set(QUOTED.sub("", pattern or ""))
    if call.zoned and letters & set("zO"):
        raise unsupported(f"names of zones in date_format ({pattern})", "Use VV, XXX or Z.")
    if "z" in letters:
        named = "".join(_with_utc(part) for part in PARTS_OF_PATTERN.findall(pattern or ""))
        return Fix(f"date_format(CAST($1 AS TIMESTAMP), {quoted(named)})", "string")
    return Fix(inner={1: "CAST($0 AS TIMESTAMP)"}, kind="string") if call.kind() in {"date", "timestamp_ntz"} else None


def _with_utc(part: str) -> str:
    """A part of a pattern with the name of UTC as it is, for the engine names the zone as the session does."""
    return part if part[0] != "z" else "'UTC'" if len(part) < LONG else "'Coordinated Universal Time'"


def _names_no_zone(call: Call) -> bool:
    pattern = call.operands[1].value if len(call.operands) == 2 else ""
    return pattern is not None and not set(pattern) & set("XxZzVO")


def _check_unit(call: Call) -> None:
    """A unit is a word, not a text."""
    text = call.operands[0].text
    if text.startswith(("'", '"')):
        message = f"The parameter `unit` in `{call.name}` is invalid: expects a unit without quotes, but got {text}."
        raise SparkError("INVALID_PARAMETER_VALUE.DATETIME_UNIT", message, kind=PARSE, sql_state="22023")


def _days(call: Call) -> Fix | None:
    """Days are whole numbers of at most 32 bits."""
    kind, literal = call.kind(1), call.operands[1].value is not None
    if kind == "string":
        return Fix(kind="date", inner={2: "CAST($0 AS INT)"})
    if literal and is_number(kind) and kind not in {"tinyint", "smallint", "int"}:
        raise unexpected(call.name, 2, '"INT" or "SMALLINT" or "TINYINT"', kind)
    return Fix(kind="date")


def _added(call: Call) -> Fix | None:
    """A time without zone stays one; days are of the calendar."""
    if len(call.operands) == 2:
        return _days(call)
    _check_unit(call)
    if call.zoned and call.kind(2) == "timestamp" and call.operands[0].word in {"DAY", "WEEK", "DAYOFYEAR"}:
        days = "7 * $2" if call.operands[0].word == "WEEK" else "$2"
        return Fix(days_later("$3", days), "timestamp")
    return Fix(around="CAST($0 AS TIMESTAMP_NTZ)") if call.kind(2) == "timestamp_ntz" else None


DIFFERENCE = Rule(_difference, (1, 2), _has_two)
RULES = {
    **dict.fromkeys(("extract", "date_part", "datepart"), Rule(_part, (1,), _needs_no_type)),
    "weekday": untyped("pmod(dayofweek($1) + 5, 7)", "int"),
    "unix_seconds": untyped(floored(1000000), "bigint"),
    "unix_millis": untyped(floored(1000), "bigint"),
    "timestamp": untyped("CAST($1 AS TIMESTAMP)", "timestamp"),
    "to_timestamp": Rule(_stamp, (0,), lambda call: len(call.operands) > 1),
    "try_to_timestamp": Rule(_tried_stamp, (0,), lambda call: len(call.operands) > 1),
    "trunc": Rule(_cut),
    "date_trunc": Rule(_truncated, (1,)),
    "try_to_date": Rule(lambda call: Fix(f"CAST(try_to_timestamp({all_of(call)}) AS DATE)", "date")),
    **dict.fromkeys(("timestampadd", "dateadd", "date_add", "date_sub"), Rule(_added, (1, 2))),
    **dict.fromkeys(("datediff", "date_diff", "timestampdiff"), DIFFERENCE),
    "date_format": Rule(_shown, (0,), _names_no_zone),
    "timestamp_seconds": Rule(_seconds, (0,)),
    "timestamp_millis": untyped(COUNTED.format(1000), "timestamp"),
    "timestamp_micros": Rule(lambda _: Fix(kind="timestamp", around=IN_ZONE)),
}
