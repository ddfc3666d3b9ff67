"""UPDATE and DELETE whose rows a subquery chooses: Sail cannot, and a MERGE with the table itself can.

Source: https://docs.databricks.com/aws/en/sql/language-manual/delta-delete-from (what a predicate may be)
"""

from __future__ import annotations

from typing import Any

from brickyard.workspace.compute.gateway.errors import unsupported
from brickyard.workspace.compute.gateway.names import quote
from brickyard.workspace.compute.gateway.sqltext import Cursor

__all__ = ["as_merge", "has_subquery"]

CHOSEN, CHANGED = "__chosen", "__changed"


def has_subquery(tree: Any) -> bool:
    """Whether an UPDATE or DELETE has a query inside."""
    from sqlglot import exp

    return isinstance(tree, exp.Update | exp.Delete) and tree.find(exp.Query) is not None


def as_merge(cursor: Cursor, what: str, name: str, fields: Any) -> str:
    """The same as a MERGE: equal rows are chosen alike, so a row is known by the values of all of its columns.

    Args:
        cursor: After the name of the table.
        what: `UPDATE` or `DELETE`.
        name: The table as the statement names it.
        fields: The columns of the table.

    Raises:
        SparkError: A column is a MAP, which nothing can be compared with.
    """
    if any("map<" in field.dataType.simpleString() for field in fields):
        raise unsupported(f"{what} with a subquery, of a table with MAP columns", "Use MERGE INTO with a key.")
    alias = _alias(cursor) or [quote(name.rpartition(".")[2].strip("`"))]
    given = _assignments(cursor, alias[0]) if what == "UPDATE" else []
    where = f"WHERE {cursor.rest()}" if cursor.take("WHERE") else ""
    cursor.position = len(cursor.tokens)
    values = "".join(f", {value} AS {quote(f'{CHANGED}{at}')}" for at, (_, value) in enumerate(given))
    query = f"SELECT DISTINCT {alias[0]}.*{values} FROM {name} AS {alias[0]} {where}"
    same = " AND ".join(f"{quote('__row')}.{quote(one)} <=> {CHOSEN}.{quote(one)}" for one in fields.names)
    change = ", ".join(f"{column} = {CHOSEN}.{quote(f'{CHANGED}{at}')}" for at, (column, _) in enumerate(given))
    then = f"UPDATE SET {change}" if given else "DELETE"
    return f"MERGE INTO {name} AS {quote('__row')} USING ({query}) AS {CHOSEN} ON {same} WHEN MATCHED THEN {then}"


def _alias(cursor: Cursor) -> list[str]:
    if cursor.take("AS") or cursor.peek() not in {"SET", "WHERE", ""}:
        return [quote(part) for part in cursor.name()]
    return []


def _assignments(cursor: Cursor, alias: str) -> list[tuple[str, str]]:
    """Read `SET a = value, t.b = value`; columns lose the name of the table."""
    given: list[tuple[str, str]] = []
    cursor.expect("SET")
    while not given or cursor.take(","):
        column = [quote(part) for part in cursor.name()]
        cursor.expect("=")
        inside = column[1:] if len(column) > 1 and column[0].lower() == alias.lower() else column
        if len(inside) > 1:
            raise unsupported("UPDATE of a field of a struct, with a subquery", "Use MERGE INTO, or SET the struct.")
        given.append((".".join(inside), cursor.until(",", "WHERE")))
    return given
