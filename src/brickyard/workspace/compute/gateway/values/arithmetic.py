"""The types of arithmetic in ANSI mode, and expressions of Sail that compute it exactly or fail.

Sail wraps integers around (0.7.2). A decimal of enough digits holds every sum, difference and product of two integers,
and its cast back fails where the integer type ends.

Source: https://docs.databricks.com/aws/en/sql/language-manual/sql-ref-datatype-rules
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["INTEGERS", "LARGEST", "Change", "change_of", "negation", "type_of_literal"]

#: Each integer type with the decimal that holds its values.
INTEGERS = {"tinyint": "DECIMAL(3,0)", "smallint": "DECIMAL(5,0)", "int": "DECIMAL(10,0)", "bigint": "DECIMAL(19,0)"}
ORDER = tuple(INTEGERS)
LARGEST = {"tinyint": 2**7 - 1, "smallint": 2**15 - 1, "int": 2**31 - 1, "bigint": 2**63 - 1}
FLOATS = ("float", "double")


@dataclass(frozen=True)
class Change:
    """What to do with `left op right`.

    Args:
        left: The type to cast the left operand to; empty to leave it.
        right: The same for the right operand.
        result: The type to cast the result to; empty to leave it.
        days: The operands are dates, and their difference is an interval.
    """

    left: str = ""
    right: str = ""
    result: str = ""
    days: bool = False


def type_of_literal(digits: str) -> str:
    """The type of an integer literal without suffix."""
    value = int(digits)
    return "int" if value <= LARGEST["int"] else "bigint" if value <= LARGEST["bigint"] else f"decimal({len(digits)},0)"


def change_of(operator: str, left: str, right: str) -> tuple[Change | None, str]:
    """How to change `+`, `-` or `*` between two types, and the type of its result (empty when it is not known)."""
    if left in INTEGERS and right in INTEGERS:
        result = max(left, right, key=ORDER.index)
        return Change(INTEGERS[left], INTEGERS[right], result), result
    if left == right == "date" and operator == "-":
        return Change(days=True), "interval day to second"
    if "float" in (left, right) and left != right and _is_number(left) and _is_number(right):
        return Change("DOUBLE", "DOUBLE"), "double"
    if "string" in (left, right):
        return _with_text(left, right)
    return None, _unchanged(left, right)


def _unchanged(left: str, right: str) -> str:
    """The type of arithmetic that Sail does as Databricks does."""
    kinds = (left, right)
    if "double" in kinds:
        return "double"
    if left == right == "float":
        return "float"
    if all(_is_number(kind) for kind in kinds):
        return "decimal(38,18)"
    return next((kind for kind in kinds if kind in ("date", "timestamp", "timestamp_ntz")), "")


def _with_text(left: str, right: str) -> tuple[Change | None, str]:
    """Text beside an integer is a BIGINT, beside another number a DOUBLE."""
    other = left if right == "string" else right
    if not _is_number(other):
        return None, ""
    if other in INTEGERS:
        return Change(INTEGERS["bigint"], INTEGERS["bigint"], "bigint"), "bigint"
    return Change("DOUBLE", "DOUBLE"), "double"


def negation(kind: str) -> tuple[str, str] | None:
    """For `-x` of an integer: the type to compute in, and the type of the result."""
    return (INTEGERS[kind], kind) if kind in INTEGERS else None


def _is_number(kind: str) -> bool:
    return kind in INTEGERS or kind in FLOATS or kind.startswith("decimal")
