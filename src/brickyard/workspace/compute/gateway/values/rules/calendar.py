"""Days of the calendar: where clocks are changed, a day has not 24 hours, and Sail adds 24 hours (0.7.2)."""

from __future__ import annotations

import re

from brickyard.workspace.compute.gateway.errors import unsupported
from brickyard.workspace.compute.gateway.values.rules.model import Call, Fix, Operand

__all__ = [
    "LOCAL",
    "MICROS",
    "OF_CLOCK",
    "days_later",
    "difference",
    "in_calendar",
    "interval_kind",
    "is_of_months",
    "on_date",
]

#: What the units of an interval's literal begin with.
MONTHS, CLOCK = ("year", "month"), ("hour", "minute", "second", "millisecond", "microsecond")

#: What the clock shows in the session's zone.
LOCAL = "CAST(CAST({} AS STRING) AS TIMESTAMP_NTZ)"
#: Intervals that are a number of microseconds.
OF_CLOCK = ("interval day", "interval hour", "interval minute", "interval second")
#: A name of a column; plans have no text.
NAME = re.compile(r"[\w.`]*")
DAY = "CAST(86400000000 AS BIGINT)"
MICROS = "unix_micros(timestamp_micros(CAST(0 AS BIGINT)) {} {})"


def interval_kind(text: str) -> str:
    """The type of an interval's literal by its units; the engine has one type for all that are no months."""
    words = {word.removesuffix("s") for word in re.findall("[a-z]+", text.lower())}
    if words & {*MONTHS}:
        return "interval year to month"
    return "interval hour to second" if words & {*CLOCK} else "interval day"


def is_of_months(kind: str) -> bool:
    """Whether it is a type of intervals of years and months."""
    return kind.startswith(("interval year", "interval month"))


def on_date(call: Call) -> Fix | None:
    """A date and an interval: with days alone it stays a date, with parts of a day it is a timestamp."""
    at, other = (1, call.operands[1]) if call.kind() == "date" else (2, call.operands[0])
    if not other.kind.startswith(OF_CLOCK) or other.kind == "interval day":
        return None
    if other.kind == "interval day to second" and NAME.fullmatch(other.text.strip("() ")):
        raise unsupported(
            "a DATE and an INTERVAL of which it does not know whether it has parts of a day",
            "Cast the date to TIMESTAMP, or use date_add().",
        )
    sides = ["$1", "$2"]
    sides[at - 1] = f"CAST(${at} AS TIMESTAMP)"
    moment = Call(call.name, [*call.operands[: at - 1], Operand("timestamp"), *call.operands[at:]], zoned=call.zoned)
    made = in_calendar(moment) if call.zoned else None
    template = made.template.replace(f"${at}", sides[at - 1]) if made else f"({sides[0]} {call.name} {sides[1]})"
    return Fix(template, "timestamp")


def difference(call: Call) -> Fix | None:
    """Of two times: where clocks are changed, of what they show."""
    kinds = call.kind(0), call.kind(1)
    if call.zoned and "timestamp" in kinds:
        sides = [
            LOCAL.format(f"${at}") if kind == "timestamp" else f"CAST(${at} AS TIMESTAMP_NTZ)"
            for at, kind in enumerate(kinds, 1)
        ]
        return Fix(f"({sides[0]} - {sides[1]})", "interval day to second")
    if kinds[0] == kinds[1]:
        return None
    kind = "TIMESTAMP" if "timestamp" in kinds else "TIMESTAMP_NTZ"
    return Fix(f"(CAST($1 AS {kind}) - CAST($2 AS {kind}))", "interval day to second")


def days_later(moment: str, days: str) -> str:
    """The same time of another day."""
    return f"CAST(({LOCAL.format(moment)} + make_dt_interval({days})) AS TIMESTAMP)"


def in_calendar(call: Call) -> Fix | None:
    """A timestamp and an interval: its whole days are of the calendar, and the rest is of the clock."""
    first, second = (0, 1) if call.kind(0) == "timestamp" else (1, 0)
    if call.kind(first) != "timestamp" or not call.kind(second).startswith(OF_CLOCK):
        return None
    moment, micros = f"${first + 1}", MICROS.format(call.name, f"${second + 1}")
    later = days_later(moment, f"CAST({micros} div {DAY} AS INT)")
    day = f"(CASE WHEN {micros} div {DAY} = 0 THEN {moment} ELSE {later} END)"
    return Fix(f"CAST(timestamp_micros(unix_micros({day}) + {micros} % {DAY}) AS TIMESTAMP)", "timestamp")
