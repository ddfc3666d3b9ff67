"""When a Quartz cron expression fires next, in a time zone.

At the changes of a zone's clocks it is as with Quartz, which sets the fields of a Java calendar: a time that the clocks
skip does not fire, and of a time that they show twice, the second one does.
"""

from __future__ import annotations

import bisect
import calendar
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo

from brickyard.workspace.jobs.triggers.fields import (
    HOUR,
    MINUTE,
    MONTH,
    SECOND,
    YEAR,
    CronFault,
    Days,
    Weekdays,
)

__all__ = ["Cron", "CronFault"]

_SATURDAY, _SUNDAY = 5, 6


@dataclass(frozen=True)
class Cron:
    """An expression.

    Attributes:
        seconds: The seconds at which it fires; minutes, hours and months as well.
        days: The days of the month, where these are given.
        weekdays: The days of the week, where those are given.
        years: The years.
    """

    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    months: frozenset[int]
    years: frozenset[int]
    days: Days | None
    weekdays: Weekdays | None

    @classmethod
    def read(cls, text: str) -> Cron:
        """From `seconds minutes hours day-of-month month day-of-week [year]`.

        Raises:
            CronFault: It is not an expression of Quartz.
        """
        parts = text.upper().split()
        if len(parts) not in (6, 7):
            raise CronFault(f"it has {len(parts)} fields; an expression has six, and the year as a seventh")
        second, minute, hour, day, month, weekday = parts[:6]
        if (day == "?") == (weekday == "?"):
            what = "'?' can only be specified for one of" if day == "?" else "'?' must be specified for one of"
            raise CronFault(f"{what} day of month and day of week")
        return cls(
            seconds=tuple(sorted(SECOND.values(second))),
            minutes=tuple(sorted(MINUTE.values(minute))),
            hours=tuple(sorted(HOUR.values(hour))),
            months=MONTH.values(month),
            years=YEAR.values(parts[6] if len(parts) == 7 else "*"),
            days=None if day == "?" else Days.read(day),
            weekdays=None if weekday == "?" else Weekdays.read(weekday),
        )

    def after(self, moment: datetime, zone: tzinfo) -> datetime | None:
        """The first time that it fires after a moment, in UTC; none where it never does again."""
        wall = moment.astimezone(zone).replace(tzinfo=None, fold=0, microsecond=0) + timedelta(seconds=1)
        while (found := self._from(wall)) is not None:
            there = found.replace(tzinfo=zone, fold=1).astimezone(UTC)
            if there.astimezone(zone).replace(tzinfo=None) == found:
                return there
            wall = found + timedelta(seconds=1)  # the clocks skip it
        return None

    def _from(self, wall: datetime) -> datetime | None:
        """The first local time at or after `wall` that it allows."""
        year, month = wall.year, wall.month
        while year <= YEAR.high:
            if year in self.years and month in self.months:
                for day in self._days(year, month):
                    begin = datetime(year, month, day)
                    if begin.date() < wall.date():
                        continue
                    at = self._time(wall.time() if begin.date() == wall.date() else time())
                    if at is not None:
                        return datetime.combine(begin, at)
            year, month = (year, month + 1) if month < MONTH.high else (year + 1, 1)
        return None

    def _time(self, begin: time) -> time | None:
        """The first time of a day at or after `begin`."""
        hour, minute = begin.hour, begin.minute
        for one in self.hours[bisect.bisect_left(self.hours, hour) :]:
            if one > hour:
                return time(one, self.minutes[0], self.seconds[0])
            for other in self.minutes[bisect.bisect_left(self.minutes, minute) :]:
                place = bisect.bisect_left(self.seconds, begin.second) if other == minute else 0
                if place < len(self.seconds):
                    return time(one, other, self.seconds[place])
        return None

    def _days(self, year: int, month: int) -> list[int]:
        """The days of a month on which it fires, in order."""
        first, length = calendar.monthrange(year, month)
        if self.days is not None:
            return sorted(_of_month(self.days, first, length))
        return sorted(_of_weeks(self.weekdays or Weekdays(), first, length))


def _of_month(days: Days, first: int, length: int) -> set[int]:
    found = {day for day in days.plain if day <= length}
    found |= {_nearest(day, first, length) for day in days.near if day <= length}
    if days.before_last is not None and days.before_last < length:
        day = length - days.before_last
        found.add(_nearest(day, first, length) if days.last_is_near else day)
    return found


def _nearest(day: int, first: int, length: int) -> int:
    """The weekday nearest to a day, in the same month."""
    weekday = (first + day - 1) % 7
    if weekday == _SATURDAY:
        return day - 1 if day > 1 else day + 2
    if weekday == _SUNDAY:
        return day + 1 if day < length else day - 2
    return day


def _of_weeks(weekdays: Weekdays, first: int, length: int) -> set[int]:
    def of(number: int) -> list[int]:
        """Every such day of the month; 1 is Sunday."""
        return list(range((number - 2 - first) % 7 + 1, length + 1, 7))

    found = {day for number in weekdays.plain for day in of(number)}
    if weekdays.nth is not None:
        number, nth = weekdays.nth
        found |= set(of(number)[nth - 1 : nth])
    if weekdays.last is not None:
        found.add(of(weekdays.last)[-1])
    return found
