"""Days of the calendar: where clocks are changed, a day has not 24 hours, and Sail adds 24 hours (0.7.2)."""

from __future__ import annotations

from brickyard.workspace.compute.gateway.values.rules.model import Call, Fix

__all__ = ["LOCAL", "days_later", "in_calendar"]

#: What the clock shows in the session's zone.
LOCAL = "CAST(CAST({} AS STRING) AS TIMESTAMP_NTZ)"
#: Intervals that are a number of microseconds.
OF_CLOCK = ("interval day", "interval hour", "interval minute", "interval second")
DAY = "CAST(86400000000 AS BIGINT)"
MICROS = "unix_micros(timestamp_micros(CAST(0 AS BIGINT)) {} {})"


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
