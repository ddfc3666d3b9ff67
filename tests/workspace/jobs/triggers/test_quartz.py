"""Quartz cron expressions: examples of Quartz's own documentation, the changes of clocks, and a second reading."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from brickyard.workspace.jobs.triggers.quartz import Cron, CronFault
from brickyard.workspace.jobs.triggers.zones import zone_of


def following(expression: str, begin: str, zone: str = "UTC", count: int = 3) -> list[str]:
    """The local times, each with its offset, at which an expression fires after a time in UTC."""
    cron, at, found = Cron.read(expression), datetime.fromisoformat(begin).replace(tzinfo=UTC), []
    place = zone_of(zone)
    assert place is not None
    for _ in range(count):
        following = cron.after(at, place)
        if following is None:
            break
        at = following
        found.append(at.astimezone(place).isoformat(timespec="minutes"))
    return found


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("0 0 12 * * ?", ["2024-01-01T12:00", "2024-01-02T12:00"]),
        ("0 15 10 ? * *", ["2024-01-01T10:15", "2024-01-02T10:15"]),
        ("0 15 10 * * ? 2025", ["2025-01-01T10:15", "2025-01-02T10:15"]),
        ("0 0/20 14 * * ?", ["2024-01-01T14:00", "2024-01-01T14:20"]),
        ("0 0-5 14 * * ?", ["2024-01-01T14:00", "2024-01-01T14:01"]),
        ("0 10,44 14 ? 3 WED", ["2024-03-06T14:10", "2024-03-06T14:44"]),
        ("0 15 10 ? * mon-fri", ["2024-01-01T10:15", "2024-01-02T10:15"]),
        ("0 15 10 15 * ?", ["2024-01-15T10:15", "2024-02-15T10:15"]),
        ("0 15 10 L * ?", ["2024-01-31T10:15", "2024-02-29T10:15"]),
        ("0 15 10 L-2 * ?", ["2024-01-29T10:15", "2024-02-27T10:15"]),
        ("0 15 10 LW * ?", ["2024-01-31T10:15", "2024-02-29T10:15"]),
        ("0 0 0 LW MAR ?", ["2024-03-29T00:00", "2025-03-31T00:00"]),
        ("0 0 0 15W 6,9 ?", ["2024-06-14T00:00", "2024-09-16T00:00"]),
        ("0 0 0 1W JUN ?", ["2024-06-03T00:00", "2025-06-02T00:00"]),
        ("0 15 10 ? * 6L", ["2024-01-26T10:15", "2024-02-23T10:15"]),
        ("0 15 10 ? * FRIL", ["2024-01-26T10:15", "2024-02-23T10:15"]),
        ("0 15 10 ? * 6#3", ["2024-01-19T10:15", "2024-02-16T10:15"]),
        ("0 0 0 ? * L", ["2024-01-06T00:00", "2024-01-13T00:00"]),
        ("0 0 12 1/5 * ?", ["2024-01-01T12:00", "2024-01-06T12:00"]),
        ("0 11 11 11 11 ?", ["2024-11-11T11:11", "2025-11-11T11:11"]),
        ("0 0 22-2 ? * SUN", ["2024-01-07T00:00", "2024-01-07T01:00"]),
        ("0 0 0 ? * FRI-MON", ["2024-01-05T00:00", "2024-01-06T00:00"]),
        ("0 0 0 29 2 ? 2025-2030", ["2028-02-29T00:00"]),
        ("0 0 0 1 1 ? 2020", []),
    ],
)
def test_next_times(expression: str, expected: list[str]) -> None:
    found = following(expression, "2024-01-01T00:00:00", count=2)
    assert [one.removesuffix("+00:00") for one in found] == expected


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("0 0 6 * *", "5 fields"),
        ("0 30 2,7 * * *", r"'\?' must be specified"),
        ("0 0 0 ? * ?", "one of day of month and day of week"),
        ("0 60 6 * * ?", "minutes must be between 0 and 59"),
        ("0 0 6 ? * 0", "day of week must be between 1 and 7"),
        ("0 0 6 ? * MOON", "day of week"),
        ("0 0 6 32 * ?", "day of month"),
        ("0 0/0 6 * * ?", "increment"),
        ("0 0 6 L,3 * ?", "cannot be combined"),
        ("0 0 6 ? * 2#6", "between 1 and 5"),
        ("0 0 6 L-31 * ?", "at most 30"),
        ("0 0 6 * * ? 2030-2029", "first year"),
        ("0 ? 6 * * ?", "minutes"),
        ("", "0 fields"),
    ],
)
def test_what_is_no_expression(expression: str, message: str) -> None:
    with pytest.raises(CronFault, match=message):
        Cron.read(expression)


def test_a_time_that_the_clocks_skip_does_not_fire() -> None:
    assert following("0 30 2 * * ?", "2024-03-09T12:00:00", "America/New_York", 2) == [
        "2024-03-11T02:30-04:00",
        "2024-03-12T02:30-04:00",
    ]


def test_of_a_time_that_the_clocks_show_twice_the_second_fires() -> None:
    assert following("0 0 * * * ?", "2024-11-03T04:00:00", "America/New_York", 2) == [
        "2024-11-03T01:00-05:00",
        "2024-11-03T02:00-05:00",
    ]


def test_zones_by_the_names_of_java() -> None:
    at = datetime(2024, 7, 1, tzinfo=UTC)
    hours = {name: at.astimezone(zone_of(name)).utcoffset() for name in ("PST", "IST", "GMT+2", "UTC-03:30", "Japan")}
    assert hours == {
        "PST": timedelta(hours=-7),
        "IST": timedelta(hours=5, minutes=30),
        "GMT+2": timedelta(hours=2),
        "UTC-03:30": -timedelta(hours=3, minutes=30),
        "Japan": timedelta(hours=9),
    }
    assert [zone_of(name) for name in ("Nowhere/City", "../etc/passwd", "", "GMT+24")] == [None] * 4


_ZONES = st.sampled_from(["UTC", "America/New_York", "Europe/Amsterdam", "Australia/Lord_Howe", "Asia/Kolkata"])
_MOMENTS = st.datetimes(datetime(2023, 1, 1), datetime(2026, 1, 1))
_DAYS = st.one_of(
    st.integers(1, 31).map(str),
    st.lists(st.integers(1, 31), min_size=1, max_size=3).map(lambda days: ",".join(map(str, days))),
    st.sampled_from(["*", "L", "LW", "L-3", "1W", "15W", "30W", "2/7", "28-2"]),
)
_WEEKDAYS = st.one_of(
    st.integers(1, 7).map(str),
    st.tuples(st.integers(1, 7), st.integers(1, 5)).map(lambda pair: f"{pair[0]}#{pair[1]}"),
    st.integers(1, 7).map(lambda day: f"{day}L"),
    st.sampled_from(["*", "MON-FRI", "FRI-MON", "SUN,3", "L", "2/2"]),
)


@settings(max_examples=60, deadline=None)
@given(_ZONES, _MOMENTS, st.booleans(), _DAYS, _WEEKDAYS, st.integers(0, 23), st.sampled_from(["0", "0/30", "30"]))
def test_as_a_second_reading_finds_it(
    name: str, begin: datetime, by_day: bool, days: str, weekdays: str, hour: int, minutes: str
) -> None:
    """Half hour by half hour, ask of each moment whether it is one; never what comes next."""
    expression = f"0 {minutes} {hour} {days if by_day else '?'} * {'?' if by_day else weekdays}"
    zone, at = ZoneInfo(name), begin.replace(minute=0, second=0, microsecond=0, tzinfo=UTC)
    wanted = None
    for number in range(1, 24 * 2 * 62):
        moment = at + timedelta(minutes=30 * number)
        if _fires(moment, zone, hour, minutes, days if by_day else None, weekdays):
            wanted = moment
            break
    assume(wanted is not None)
    assume(not _twice(at, zone))
    assert Cron.read(expression).after(at, zone) == wanted


def _twice(at: datetime, zone: tzinfo) -> bool:
    local = at.astimezone(zone).replace(tzinfo=None)
    return local.replace(tzinfo=zone, fold=0).utcoffset() != local.replace(tzinfo=zone, fold=1).utcoffset()


def _fires(moment: datetime, zone: tzinfo, hour: int, minutes: str, days: str | None, weekdays: str) -> bool:
    local = moment.astimezone(zone)
    if local.hour != hour or local.minute not in {"0": (0,), "0/30": (0, 30), "30": (30,)}[minutes]:
        return False
    if local.fold == 0 and _twice(moment, zone):
        return False  # it comes again
    return _on_day(local, days) if days is not None else _on_weekday(local, weekdays)


def _on_day(local: datetime, text: str) -> bool:
    last = (local.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    day, end = local.day, last.day
    if text == "LW":
        return _is_nearest(local, end, end)
    if text.endswith("W"):
        return int(text[:-1]) <= end and _is_nearest(local, int(text[:-1]), end)
    special = {"*": True, "L": day == end, "L-3": day == end - 3, "2/7": day % 7 == 2, "28-2": day >= 28 or day <= 2}
    return special[text] if text in special else day in map(int, text.split(","))


def _is_nearest(local: datetime, day: int, end: int) -> bool:
    """Whether it is a weekday, and no other one of the month is nearer to that day; Friday goes before Monday."""
    near = [other for other in range(1, end + 1) if local.replace(day=other).isoweekday() <= 5]
    return local.day == min(near, key=lambda other: (abs(other - day), other))


def _on_weekday(local: datetime, text: str) -> bool:
    number = local.isoweekday() % 7 + 1
    if "#" in text:
        wanted, nth = map(int, text.split("#"))
        return number == wanted and (local.day - 1) // 7 + 1 == nth
    if text != "L" and text.endswith("L"):
        return number == int(text[:-1]) and (local + timedelta(days=7)).month != local.month
    sets = {
        "*": range(1, 8),
        "MON-FRI": range(2, 7),
        "FRI-MON": (6, 7, 1, 2),
        "SUN,3": (1, 3),
        "L": (7,),
        "2/2": (2, 4, 6),
    }
    return number in sets[text] if text in sets else number == int(text)
