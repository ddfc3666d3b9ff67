"""Patterns of dates and times (`dd/MM/yyyy HH:mm`), as options of files have them.

Source: https://spark.apache.org/docs/latest/sql-ref-datetime-pattern.html
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from functools import cache
from zoneinfo import ZoneInfo

from brickyard.workspace.compute.gateway.errors import unsupported

__all__ = ["Format", "format_of"]

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
TOKEN = re.compile(r"'((?:[^']|'')*)'|([A-Za-z])\2*|\[|\]|[^A-Za-z]")
PARTS = {
    "yyyy": r"(?P<year>\d{4})",
    "uuuu": r"(?P<year>\d{4})",
    "y": r"(?P<year>\d{1,4})",
    "yy": r"(?P<short>\d{2})",
    "MMM": r"(?P<name>[A-Za-z]{3})",
    "MM": r"(?P<month>\d{2})",
    "M": r"(?P<month>\d{1,2})",
    "dd": r"(?P<day>\d{2})",
    "d": r"(?P<day>\d{1,2})",
    "HH": r"(?P<hour>\d{2})",
    "H": r"(?P<hour>\d{1,2})",
    "hh": r"(?P<half>\d{2})",
    "h": r"(?P<half>\d{1,2})",
    "mm": r"(?P<minute>\d{2})",
    "m": r"(?P<minute>\d{1,2})",
    "ss": r"(?P<second>\d{2})",
    "s": r"(?P<second>\d{1,2})",
    "a": r"(?P<noon>AM|PM)",
    "XXX": r"(?P<zone>Z|[+-]\d{2}:\d{2})",
    "XX": r"(?P<zone>Z|[+-]\d{4})",
    "Z": r"(?P<zone>[+-]\d{4})",
}


@dataclass(frozen=True)
class Format:
    """A pattern that was understood."""

    text: str
    expression: re.Pattern[str]

    def parse(self, text: str, zone: dt.tzinfo) -> dt.datetime:
        """The moment that a text says; in the given zone, if it says none.

        Raises:
            ValueError: It does not have the pattern.
        """
        found = self.expression.fullmatch(text)
        if found is None:
            raise ValueError(text)
        said = {key: value for key, value in found.groupdict().items() if value is not None}
        hour = int(said.get("hour", 0))
        if "half" in said:
            hour = int(said["half"]) % 12 + (12 if said.get("noon", "").upper() == "PM" else 0)
        year = int(said["year"]) if "year" in said else 2000 + int(said["short"]) if "short" in said else 1970
        month = MONTHS.index(said["name"].lower()) + 1 if "name" in said else int(said.get("month", 1))
        micros = int(said.get("fraction", "").ljust(6, "0")[:6])
        day, minute, second = (int(said.get(part, least)) for part, least in (("day", 1), ("minute", 0), ("second", 0)))
        moment = dt.datetime(year, month, day, hour, minute, second, micros)
        return moment.replace(tzinfo=_zone(said["zone"]) if "zone" in said else zone)


def _zone(text: str) -> dt.tzinfo:
    if text == "Z":
        return ZoneInfo("UTC")
    digits = text[1:].replace(":", "")
    minutes = int(digits[:2]) * 60 + int(digits[2:])
    return dt.timezone(dt.timedelta(minutes=-minutes if text[0] == "-" else minutes))


@cache
def format_of(pattern: str) -> Format:
    """A pattern, understood.

    Raises:
        SparkError: UNSUPPORTED_BY_ENGINE, for letters that are not.
    """
    expression = ""
    for token in TOKEN.finditer(pattern):
        text = token[0]
        if text == "[":
            expression += "(?:"
        elif text == "]":
            expression += ")?"
        elif text.startswith("'"):
            expression += re.escape(token[1].replace("''", "'") or "'")
        elif text.strip("S") == "":
            expression += rf"(?P<fraction>\d{{{len(text)}}})"
        elif text[0].isalpha():
            if text not in PARTS:
                raise unsupported(f"'{text}' in the pattern '{pattern}'", "Read the column as text, and use to_date.")
            expression += PARTS[text]
        else:
            expression += re.escape(text)
    try:
        return Format(pattern, re.compile(expression, re.ASCII | re.IGNORECASE))
    except re.error as error:  # a letter that is there twice
        raise unsupported(f"the pattern '{pattern}'", "Read the column as text, and use to_date.") from error
