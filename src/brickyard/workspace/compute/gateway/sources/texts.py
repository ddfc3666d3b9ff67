"""Texts of files as values: what Spark's CSV and JSON readers take for a number, a time or a truth value.

Sources: `UnivocityParser` and `SparkDateTimeUtils` of Apache Spark 4, https://github.com/apache/spark .
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import Any
from zoneinfo import ZoneInfo

from brickyard.workspace.compute.gateway.sources.formats import Format

__all__ = ["Converter", "Texts", "is_date", "is_decimal", "is_double", "is_integer", "to_decimal", "to_micros"]

#: From a text to a value; a text that is none raises ValueError.
Converter = Callable[[str], Any]

INTEGER = re.compile(r"[+-]?\d+", re.ASCII)
DOUBLE = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[fFdD]?|[+-]?(?:NaN|Infinity)", re.ASCII)
DECIMAL = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
LOOSE_DATE = re.compile(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2})(?:[ T].*)?)?)?", re.ASCII)
TIME = re.compile(
    r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2})(?:[ T](?:(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{0,9}))?)?)?)?)?)?"
    r"\s*(Z|UTC|GMT|[+-]\d{1,2}(?::?\d{2})?|[A-Z][A-Za-z_]+/[A-Za-z_/]+)?",
    re.ASCII,
)
OFFSET = re.compile(r"([+-])(\d{1,2})(?::?(\d{2}))?", re.ASCII)
UTC = ZoneInfo("UTC")
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
BITS = {"byte": 8, "short": 16, "integer": 32, "long": 64}
MICRO = dt.timedelta(microseconds=1)


def is_integer(text: str, bits: int) -> bool:
    """Whether a text is a whole number of so many bits."""
    return INTEGER.fullmatch(text) is not None and -(2 ** (bits - 1)) <= int(text) < 2 ** (bits - 1)


def is_decimal(text: str) -> tuple[int, int] | None:
    """Precision and scale of a number without digits after the point; None for any other text."""
    if DECIMAL.fullmatch(text) is None:
        return None
    parts = Decimal(text).as_tuple()
    exponent = int(parts.exponent)
    return (len(parts.digits), 0) if exponent == 0 and len(parts.digits) <= 38 else None


def is_double(text: str) -> bool:
    """Whether a text is a floating-point number, as Java reads it."""
    return DOUBLE.fullmatch(text.strip()) is not None


def is_date(text: str) -> bool:
    """Whether a text is a day as `yyyy-MM-dd`."""
    if DATE.fullmatch(text) is None:
        return False
    try:
        dt.date.fromisoformat(text)
    except ValueError:
        return False
    return True


def to_decimal(text: str, precision: int, scale: int) -> Decimal:
    """A decimal number, rounded to its scale.

    Raises:
        ValueError: It is none, or has too many digits.
    """
    if DECIMAL.fullmatch(text) is None:
        raise ValueError(text)
    with localcontext() as context:
        context.prec = 80
        found = Decimal(text).quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP)
    if len(found.as_tuple().digits) > precision:
        raise ValueError(text)
    return found


def to_micros(text: str, zone: ZoneInfo) -> int:
    """A moment as microseconds since 1970; a text without a zone is in the given one.

    Raises:
        ValueError: It is none.
    """
    found = TIME.fullmatch(text.strip())
    if found is None:
        raise ValueError(text)
    year, month, day, hour, minute, second = (int(part) if part else None for part in found.groups()[:6])
    micros = int((found[7] or "").ljust(6, "0")[:6])
    local = dt.datetime(year or 1, month or 1, day or 1, hour or 0, minute or 0, second or 0, micros)
    return (local.replace(tzinfo=_zone(found[8], zone)) - EPOCH) // MICRO


def _zone(text: str | None, default: ZoneInfo) -> dt.tzinfo:
    if text is None:
        return default
    offset = OFFSET.fullmatch(text)
    if offset is None:
        return dt.UTC if text in {"Z", "UTC", "GMT"} else ZoneInfo(text)
    minutes = int(offset[2]) * 60 + int(offset[3] or 0)
    return dt.timezone(dt.timedelta(minutes=-minutes if offset[1] == "-" else minutes))


def _to_date(text: str) -> dt.date:
    found = LOOSE_DATE.fullmatch(text.strip())
    if found is None:
        raise ValueError(text)
    return dt.date(int(found[1]), int(found[2] or 1), int(found[3] or 1))


def _to_boolean(text: str) -> bool:
    try:
        return {"true": True, "false": False}[text.lower()]
    except KeyError:
        raise ValueError(text) from None


def _to_double(text: str) -> float:
    bare = text.strip()
    if DOUBLE.fullmatch(bare) is None:
        raise ValueError(text)
    return float(bare.rstrip("fFdD") if bare[-1] in "fFdD" and bare[-2:] != "ty" else bare)


class Texts:
    """Converters for one read.

    Args:
        zone: The session's time zone.
        names: Texts that stand for a number that is none or infinite.
        date: The pattern of dates, if there is one.
        moment: The pattern of timestamps, if there is one.
    """

    def __init__(
        self,
        zone: str,
        names: dict[str, float] | None = None,
        *,
        date: Format | None = None,
        moment: Format | None = None,
    ) -> None:
        self.zone = ZoneInfo(zone or "UTC")
        self.date, self._moment = date, moment
        self._names = names or {}

    def of(self, kind: Any) -> Converter:
        """The converter for a Spark type without parts.

        Raises:
            KeyError: There is none for the type.
        """
        name = kind.typeName()
        if name.startswith("decimal"):
            return lambda text: to_decimal(text, kind.precision, kind.scale)
        if name in BITS:
            return lambda text: _to_integer(text, BITS[name])
        found: dict[str, Converter] = {
            "string": str,
            "double": self._double,
            "float": self._double,
            "boolean": _to_boolean,
            "date": self._date,
            "timestamp": lambda text: self._micros(text, self.zone),
            "timestamp_ntz": lambda text: self._micros(text, UTC),
            "binary": str.encode,
        }
        return found[name]

    def has_pattern(self, name: str) -> bool:
        """Whether texts of a type are read by a pattern of the user's."""
        return (name == "date" and self.date is not None) or (name == "timestamp" and self._moment is not None)

    def has_double(self, text: str) -> bool:
        """Whether a text is a floating-point number here."""
        return text in self._names or is_double(text)

    def is_timestamp(self, text: str) -> bool:
        """Whether a text is a moment."""
        try:
            self._micros(text, self.zone)
        except (ValueError, KeyError, OverflowError):
            return False
        return True

    def is_date(self, text: str) -> bool:
        """Whether a text is a day: one of the pattern, or `yyyy-MM-dd`."""
        if self.date is None:
            return is_date(text)
        try:
            self.date.parse(text, UTC)
        except ValueError:
            return False
        return True

    def _date(self, text: str) -> dt.date:
        return _to_date(text) if self.date is None else self.date.parse(text, UTC).date()

    def _micros(self, text: str, zone: ZoneInfo) -> int:
        if self._moment is None:
            return to_micros(text, zone)
        return (self._moment.parse(text, zone) - EPOCH) // MICRO

    def _double(self, text: str) -> float:
        return self._names[text] if text in self._names else _to_double(text)


def _to_integer(text: str, bits: int) -> int:
    if not is_integer(text, bits):
        raise ValueError(text)
    return int(text)
