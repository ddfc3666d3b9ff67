"""The fields of a Quartz cron expression, read into the values that they allow.

Source: http://www.quartz-scheduler.org/documentation/quartz-2.3.0/tutorials/crontrigger.html . Letters are read in any
case. A range may wrap around (`FRI-MON`, `22-2`), as Quartz lets it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

__all__ = ["DAY", "HOUR", "MINUTE", "MONTH", "SECOND", "WEEKDAY", "YEAR", "CronFault", "Days", "Field", "Weekdays"]

MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_PART = re.compile(r"(?:\*|(?P<first>\w+)(?:-(?P<last>\w+))?)?(?:/(?P<step>\d+))?")
_LAST_DAY = re.compile(r"L(?:-(\d+))?(W)?")
_NTH = re.compile(r"(\w+)#(\d)")


class CronFault(ValueError):
    """An expression is not one of Quartz."""


@dataclass(frozen=True)
class Field:
    """A field of numbers.

    Attributes:
        name: How messages call it.
        low: Its lowest value.
        high: Its highest value.
        names: What its values can be called, beginning with the lowest.
    """

    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()

    def values(self, text: str) -> frozenset[int]:
        """The values that a text such as `0/15`, `9-17,22` or `MON-FRI` allows.

        Raises:
            CronFault: It is no such text, or names what the field cannot have.
        """
        return frozenset(value for part in text.split(",") for value in self._part(part))

    def number(self, text: str) -> int:
        """One value, by its number or its name.

        Raises:
            CronFault: It is neither, or out of range.
        """
        if text in self.names:
            return self.names.index(text) + self.low
        if not text.isdecimal() or not self.low <= int(text) <= self.high:
            raise CronFault(f"{self.name} must be between {self.low} and {self.high}, not {text!r}")
        return int(text)

    def _part(self, part: str) -> list[int]:
        match = _PART.fullmatch(part)
        if not part or match is None:
            raise CronFault(f"{part!r} is not understood as {self.name}")
        step = int(match["step"]) if match["step"] else 1
        if step < 1 or step > self.high:
            raise CronFault(f"the increment of {self.name} must be between 1 and {self.high}, not {step}")
        if match["first"] is None:
            return list(range(self.low, self.high + 1, step))
        first = self.number(match["first"])
        if match["last"] is None:
            return list(range(first, self.high + 1, step)) if match["step"] else [first]
        return self._range(first, self.number(match["last"]), step)

    def _range(self, first: int, last: int, step: int) -> list[int]:
        if last >= first:
            return list(range(first, last + 1, step))
        if self is YEAR:
            raise CronFault("the first year of a range must be before the last one")
        size = self.high - self.low + 1
        return [(one - self.low) % size + self.low for one in range(first, last + size + 1, step)]


SECOND = Field("seconds", 0, 59)
MINUTE = Field("minutes", 0, 59)
HOUR = Field("hours", 0, 23)
DAY = Field("day of month", 1, 31)
MONTH = Field("month", 1, 12, MONTHS)
WEEKDAY = Field("day of week", 1, 7, WEEKDAYS)
YEAR = Field("year", 1970, 2199)


@dataclass(frozen=True)
class Days:
    """Days of a month.

    Attributes:
        plain: Days by their number.
        near: Days for which the nearest weekday in the same month is meant (`15W`).
        before_last: How many days before the last one, where that is meant (`L`, `L-3`).
        last_is_near: Whether the weekday nearest to it is meant (`LW`).
    """

    plain: frozenset[int] = frozenset()
    near: frozenset[int] = frozenset()
    before_last: int | None = None
    last_is_near: bool = False

    @classmethod
    def read(cls, text: str) -> Days:
        """From a text such as `1,15`, `L-2`, `LW` or `15W`.

        Raises:
            CronFault: It is no such text.
        """
        last = _LAST_DAY.fullmatch(text)
        if last is not None:
            before = int(last[1] or 0)
            if before > 30:
                raise CronFault("the offset from the last day must be at most 30")
            return cls(before_last=before, last_is_near=last[2] is not None)
        if "L" in text:
            raise CronFault("'L' and 'LW' cannot be combined with other days of the month")
        parts = text.split(",")
        near = frozenset(DAY.number(part[:-1]) for part in parts if part.endswith("W"))
        plain = [part for part in parts if not part.endswith("W")]
        return cls(DAY.values(",".join(plain)) if plain else frozenset(), near)


@dataclass(frozen=True)
class Weekdays:
    """Days of a week, 1 is Sunday.

    Attributes:
        plain: Every week.
        nth: A day, and which one of it in the month (`6#3`).
        last: The last one of these in the month (`6L`).
    """

    plain: frozenset[int] = frozenset()
    nth: tuple[int, int] | None = None
    last: int | None = field(default=None)

    @classmethod
    def read(cls, text: str) -> Weekdays:
        """From a text such as `MON-FRI`, `6#3` or `6L`.

        Raises:
            CronFault: It is no such text.
        """
        if text == "L":
            return cls(frozenset({7}))
        if "#" in text:
            match = _NTH.fullmatch(text)
            if match is None or not 1 <= int(match[2]) <= 5:
                raise CronFault("a day of the week and a number between 1 and 5 must stand around the only '#'")
            return cls(nth=(WEEKDAY.number(match[1]), int(match[2])))
        if text.endswith("L") and "," not in text:
            return cls(last=WEEKDAY.number(text[:-1]))
        return cls(WEEKDAY.values(text))
