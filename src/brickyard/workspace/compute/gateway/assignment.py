"""What an INSERT makes of a value of another type: an ANSI cast, and an error of its own where the value is too large.

Source: what Delta 4.4 on Spark 4.2 does, tried; Delta's INSERT casts text to numbers and times too, unlike that of
other tables.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from brickyard.workspace.compute.gateway.errors import SparkError
from brickyard.workspace.compute.gateway.names import quote

__all__ = ["CHANGED", "assigned", "check_castable", "check_safe"]

INTEGERS = ("tinyint", "smallint", "int", "bigint")
NUMBERS = frozenset({*INTEGERS, "float", "double", "decimal"})
TIMES = frozenset({"date", "timestamp", "timestamp_ntz"})
#: What may be cast to what besides itself, text and, between each other, numbers.
CASTS = {
    "boolean": NUMBERS,
    "timestamp": TIMES | NUMBERS,
    "timestamp_ntz": TIMES,
    "date": TIMES,
    "string": frozenset({*NUMBERS, *TIMES, "boolean", "binary", "interval"}),
    "variant": frozenset({*NUMBERS, *TIMES, "boolean", "binary", "array", "map"}),
    **dict.fromkeys(NUMBERS, NUMBERS | {"boolean", "timestamp"}),
}
#: Of those, what only Delta's INSERT casts.
UNSAFE = {
    "string": frozenset({*NUMBERS, *TIMES, "boolean", "binary", "interval"}),
    "boolean": NUMBERS,
    "timestamp": NUMBERS,
    **dict.fromkeys(NUMBERS, frozenset({"timestamp"})),
}
FUNCTIONS = {
    ("int", "date"): "DATE_FROM_UNIX_DATE",
    ("date", "int"): "UNIX_DATE",
}


def check_castable(column: str, have: Any, kind: Any) -> None:
    """Refuse a type that no value of which can be cast.

    Args:
        column: The table's column, for the message.
        have: The type of what is written.
        kind: The type of the column.

    Raises:
        SparkError: DATATYPE_MISMATCH.
    """
    if _castable(have, kind):
        return
    mine, theirs = have.simpleString(), kind.simpleString()
    text = f'Cannot resolve "{column}" due to data type mismatch: cannot cast "{mine.upper()}" to "{theirs.upper()}".'
    function = FUNCTIONS.get((mine, theirs))
    if function is None:
        raise SparkError("DATATYPE_MISMATCH.CAST_WITHOUT_SUGGESTION", text, sql_state="42K09")
    use = f'\nTo convert values from "{mine.upper()}" to "{theirs.upper()}", you can use the functions `{function}`.'
    raise SparkError("DATATYPE_MISMATCH.CAST_WITH_FUNC_SUGGESTION", text + use, sql_state="42K09")


def check_safe(column: str, have: Any, kind: Any) -> None:
    """Refuse what Spark's store assignment refuses in tables of other formats than Delta: text for numbers and times.

    Raises:
        SparkError: INCOMPATIBLE_DATA_FOR_TABLE.CANNOT_SAFELY_CAST.
    """
    mine, theirs = _family(have), _family(kind)
    unsafe = theirs in UNSAFE.get(mine, ()) or (theirs == "boolean" and mine in NUMBERS)
    if unsafe or not _castable(have, kind):
        what = f'{quote(column)} "{have.simpleString().upper()}" to "{kind.simpleString().upper()}"'
        text = f"Cannot write incompatible data for the table: Cannot safely cast {what}."
        raise SparkError("INCOMPATIBLE_DATA_FOR_TABLE.CANNOT_SAFELY_CAST", text, sql_state="KD000")


@dataclass(frozen=True)
class Overflow:
    """The error of a value that is too large for its column.

    Args:
        condition: Its class.
        text: What it says of the two types and the column.
    """

    condition: str
    text: str


INSERTED = Overflow(
    "CAST_OVERFLOW_IN_TABLE_INSERT",
    'Fail to assign a value of "{0}" type to the "{1}" type column or variable {2} due to an overflow.',
)
CHANGED = Overflow(
    "DELTA_CAST_OVERFLOW_IN_TABLE_WRITE",
    'Failed to write a value of "{0}" type into the "{1}" type column {2} due to an overflow.',
)


def assigned(expression: str, column: str, have: str, kind: str, overflow: Overflow = INSERTED) -> str:
    """The SQL of a value cast to a column's type.

    Args:
        expression: The SQL of the value.
        column: The table's column, for the message.
        have: Its type; empty if it is not known.
        kind: The type of the column.
        overflow: The error of a number that is too large.
    """
    if not _may_overflow(have, kind):
        return f"CAST({expression} AS {kind})"
    cast = f"TRY_CAST({expression} AS {kind})"
    said = overflow.text.format(have.upper(), kind.upper(), quote(column))
    said += " Use `try_cast` on the input value to tolerate overflow and return NULL instead. SQLSTATE: 22003"
    text = f"[{overflow.condition}] {said}".replace("'", "\\'")
    fits = f"{expression} IS NULL OR {cast} IS NOT NULL"
    return f"CASE WHEN {fits} THEN {cast} ELSE CAST(raise_error('{text}') AS {kind}) END"


def _castable(have: Any, kind: Any) -> bool:
    mine, theirs = _family(have), _family(kind)
    if mine == theirs:
        return _inner(have, kind)
    return theirs == "string" or mine == "void" or theirs in CASTS.get(mine, ())


def _inner(have: Any, kind: Any) -> bool:
    """Whether what is inside two arrays, maps or structs can be cast."""
    if hasattr(have, "fields"):
        pairs = zip(have.fields, kind.fields, strict=False)
        return len(have.fields) == len(kind.fields) and all(_castable(one.dataType, two.dataType) for one, two in pairs)
    names = [name for name in ("elementType", "keyType", "valueType") if hasattr(have, name)]
    return all(_castable(getattr(have, name), getattr(kind, name)) for name in names)


def _family(kind: Any) -> str:
    return _base(kind.simpleString())


def _base(kind: str) -> str:
    """The name of a type without what belongs to it."""
    name = re.split("[(< ]", kind, maxsplit=1)[0]
    return "string" if name in {"char", "varchar"} else name


def _may_overflow(have: str, kind: str) -> bool:
    """Whether a number may be too large for the column."""
    if _base(have) not in NUMBERS or _base(kind) not in {*INTEGERS, "decimal"} or have == kind:
        return False
    if have in INTEGERS and kind in INTEGERS:
        return INTEGERS.index(have) > INTEGERS.index(kind)
    return True
