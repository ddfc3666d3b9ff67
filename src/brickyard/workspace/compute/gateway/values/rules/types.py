"""Types of Spark as text, and how they widen.

Source: https://docs.databricks.com/aws/en/sql/language-manual/sql-ref-datatype-rules
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = [
    "FLOATS",
    "INTEGERS",
    "SYNONYMS",
    "Decimal",
    "cut",
    "differ",
    "family",
    "fields",
    "inside",
    "is_number",
    "is_pointed",
    "literal_kind",
    "wider",
]

#: Each integer type with the digits of its values, as decimal arithmetic has them.
INTEGERS = {"tinyint": 3, "smallint": 5, "int": 10, "bigint": 20}
ORDER = tuple(INTEGERS)
FLOATS = ("float", "double")
SYNONYMS = {
    "byte": "tinyint",
    "short": "smallint",
    "integer": "int",
    "long": "bigint",
    "real": "float",
    "timestamp_ltz": "timestamp",
} | dict.fromkeys(("decimal", "dec", "numeric"), "decimal(10,0)")
MOST = 38


@dataclass(frozen=True)
class Decimal:
    """A decimal type."""

    precision: int
    scale: int

    def __str__(self) -> str:
        return f"decimal({self.precision},{self.scale})"

    @staticmethod
    def of(kind: str) -> Decimal | None:
        """The decimal type that holds a type's values; None if there is none."""
        if kind in INTEGERS:
            return Decimal(INTEGERS[kind], 0)
        if not kind.startswith("decimal("):
            return None
        precision, scale = kind[8:-1].split(",")
        return Decimal(int(precision), int(scale))

    @property
    def whole(self) -> int:
        """The digits before the point."""
        return self.precision - self.scale

    def adjusted(self) -> Decimal:
        """The type with 38 digits at most: it loses digits after the point, but keeps six."""
        if self.precision <= MOST:
            return self
        return Decimal(MOST, max(MOST - self.whole, min(self.scale, 6)))


def literal_kind(text: str) -> str:
    """The type of a numeric literal without suffix."""
    digits = text.removeprefix("-").lower()
    if digits.isdigit():
        value = int(text)
        kinds = (("int", 31), ("bigint", 63))
        return next((kind for kind, bits in kinds if -(2**bits) <= value < 2**bits), f"decimal({len(digits)},0)")
    if "e" in digits:
        return "double"
    whole, _, part = digits.partition(".")
    return str(Decimal(max(len(whole.lstrip("0")) + len(part), len(part), 1), len(part)))


def is_pointed(text: str) -> bool:
    """Whether a text is a number with a point, or a BOOLEAN: what the engine compares with others in its own way."""
    return text.lower() in {"true", "false"} or (
        "." in text and text.strip().lstrip("+-").replace(".", "", 1).isdigit()
    )


def is_number(kind: str) -> bool:
    """Whether it is a type of numbers."""
    return kind in INTEGERS or kind in FLOATS or kind.startswith("decimal")


def wider(left: str, right: str) -> str:
    """The type that holds both, as branches and arrays have it; empty if there is none, or it is not known here."""
    if left == right or right == "void":
        return left
    if left == "void":
        return right
    if left in INTEGERS and right in INTEGERS:
        return max(left, right, key=ORDER.index)
    if is_number(left) and is_number(right):
        return _wider_number(left, right)
    times = ("date", "timestamp_ntz", "timestamp")
    if left in times and right in times:
        return max(left, right, key=times.index)
    if "string" in (left, right):
        return _with_text(right if left == "string" else left)
    return ""


def _wider_number(left: str, right: str) -> str:
    if left in FLOATS or right in FLOATS:
        return "double"
    one, two = Decimal.of(left), Decimal.of(right)
    assert one is not None and two is not None
    scale, whole = max(one.scale, two.scale), max(one.whole, two.whole)
    return str(Decimal(scale + whole, scale).adjusted())


def _with_text(other: str) -> str:
    """In ANSI mode text takes the type of what stands beside it."""
    if other in INTEGERS:
        return "bigint"
    if is_number(other):
        return "double"
    return other if other in {"date", "timestamp", "timestamp_ntz", "boolean"} else ""


def family(kind: str) -> str:
    """What goes together with no other family but text; empty for text, nulls and what is not known here."""
    if kind in {"date", "timestamp", "timestamp_ntz"}:
        return "times"
    if kind in {"boolean", "binary"}:
        return kind
    return "numbers" if is_number(kind) else ""


def differ(kinds: Iterable[str]) -> bool:
    """Whether types have no type in common."""
    found = list(kinds)
    families = {one for kind in found if (one := family(kind))}
    nested = any(kind.startswith(("array<", "map<", "struct<")) for kind in found)
    return len(families) > 1 or (nested and any(family(kind) or kind == "string" for kind in found))


def inside(kind: str) -> str:
    """The type of the elements of an array."""
    return kind[6:-1] if kind.startswith("array<") else ""


def fields(kind: str) -> list[tuple[str, str]]:
    """The fields of a struct, or `key` and `value` of a map."""
    if not kind.startswith(("struct<", "map<")):
        return []
    parts = cut(kind[kind.index("<") + 1 : -1], ",")
    if kind.startswith("map<"):
        return [("key", parts[0]), ("value", parts[1])]
    return [(cut(part, ":")[0], part[len(cut(part, ":")[0]) + 1 :]) for part in parts if part]


def cut(text: str, sign: str) -> list[str]:
    """Cut at a sign that stands in no brackets."""
    found, depth, at = [], 0, 0
    for place, letter in enumerate(text):
        depth += (letter in "<(") - (letter in ">)")
        if letter == sign and depth == 0:
            found.append(text[at:place])
            at = place + 1
    return [*found, text[at:]]
