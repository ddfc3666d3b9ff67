"""DEFAULT and GENERATED in the definition of a column, as the column's metadata in Delta's schema.

Source: https://docs.databricks.com/aws/en/sql/language-manual/sql-ref-syntax-ddl-create-table-using
"""

from __future__ import annotations

from typing import Any

from brickyard.workspace.compute.gateway.errors import PARSE, SparkError
from brickyard.workspace.compute.gateway.filling import DEFAULT, EXPLICIT, GENERATION, START, STEP
from brickyard.workspace.compute.gateway.sqltext import Cursor

__all__ = ["need_one_rule", "read_default", "read_generated"]

#: Words that may follow the expression of a default.
AFTER_DEFAULT = frozenset({",", "", "COMMENT", "GENERATED", "CONSTRAINT", "PRIMARY", "MASK", "FIRST", "AFTER"})
LEAST, MOST = -(2**63), 2**63 - 1


def read_generated(cursor: Cursor) -> dict[str, Any]:
    """Read what follows `GENERATED`: `ALWAYS AS (expression)`, or `ALWAYS | BY DEFAULT AS IDENTITY [(...)]`."""
    always = cursor.take("ALWAYS")
    if not always:
        cursor.expect("BY", "DEFAULT")
    cursor.expect("AS")
    if cursor.take("IDENTITY"):
        return {START: 1, STEP: 1} | _sequence(cursor) | {EXPLICIT: not always}
    if not always:
        raise cursor.error("expected IDENTITY")
    cursor.expect("(")
    text = cursor.until(")")
    cursor.expect(")")
    return {GENERATION: text}


def _sequence(cursor: Cursor) -> dict[str, int]:
    """Read `[(START WITH n INCREMENT BY m)]`."""
    found: dict[str, int] = {}
    if not cursor.take("("):
        return found
    while not cursor.take(")"):
        key = START if cursor.take("START", "WITH") else STEP
        if key == STEP:
            cursor.expect("INCREMENT", "BY")
        if key in found:
            option = "START" if key == START else "STEP"
            text = f"Duplicated IDENTITY column sequence generator option: {option}."
            raise SparkError(
                "IDENTITY_COLUMNS_DUPLICATED_SEQUENCE_GENERATOR_OPTION", text, kind=PARSE, sql_state="42601"
            )
        found[key] = _integer(cursor)
        cursor.take(",")
    if found.get(STEP) == 0:
        text = "IDENTITY column step cannot be 0."
        raise SparkError("IDENTITY_COLUMNS_ILLEGAL_STEP", text, kind=PARSE, sql_state="42611")
    return found


def _integer(cursor: Cursor) -> int:
    negative = cursor.take("-")
    text = cursor.next().text
    value = int(text) if text.isdigit() else MOST + 1
    value = -value if negative else value
    if not LEAST <= value <= MOST:
        raise cursor.error("expected a BIGINT", back=1)
    return value


def read_default(cursor: Cursor) -> dict[str, Any]:
    """Read the expression that follows `DEFAULT`."""
    start, depth = cursor.position, 0
    while depth or not _ends_default(cursor):
        token = cursor.next()
        depth += {"(": 1, ")": -1}.get(token.text, 0) if token.kind != "STRING" else 0
    if cursor.position == start:
        raise cursor.error("expected the value of the default")
    return {DEFAULT: cursor.since(start)}


def _ends_default(cursor: Cursor) -> bool:
    if cursor.peek() == "NOT":  # `NOT NULL` is of the column, unless it belongs to IS
        return cursor.peek(1) == "NULL" and cursor.tokens[cursor.position - 1].text.upper() != "IS"
    return cursor.peek() in AFTER_DEFAULT or cursor.peek() == ")"


def need_one_rule(name: str, rules: dict[str, Any]) -> None:
    """Refuse a default of a column that is generated."""
    if DEFAULT not in rules or len(rules) == 1:
        return
    kind, what = ("GENERATED", "a generation expression") if GENERATION in rules else ("IDENTITY", "an identity")
    text = (
        f"A column cannot have both a default value and {what} but column {name} has default value: ({rules[DEFAULT]})."
    )
    raise SparkError(f"{kind}_COLUMN_WITH_DEFAULT_VALUE", text, sql_state="42623")
