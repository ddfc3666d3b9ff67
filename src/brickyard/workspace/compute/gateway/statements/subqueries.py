"""UPDATE and DELETE whose rows a subquery chooses, or UPDATE with lambda functions: a MERGE with the table itself can.

Source: https://docs.databricks.com/aws/en/sql/language-manual/delta-delete-from (what a predicate may be)
"""

from __future__ import annotations

from typing import Any

from brickyard.workspace.compute.gateway.errors import unsupported
from brickyard.workspace.compute.gateway.names import quote
from brickyard.workspace.compute.gateway.policies import own_name
from brickyard.workspace.compute.gateway.sqltext import Cursor, parse
from brickyard.workspace.compute.gateway.sugar.names import volatile

__all__ = ["as_merge", "has_subquery"]

CHOSEN, CHANGED = "__chosen", "__changed"


def has_subquery(tree: Any) -> bool:
    """Whether an UPDATE or DELETE has a query inside, or an UPDATE a lambda function."""
    from sqlglot import exp

    if isinstance(tree, exp.Update) and tree.find(exp.Lambda) is not None:
        return True
    return isinstance(tree, exp.Update | exp.Delete) and tree.find(exp.Query) is not None


def as_merge(cursor: Cursor, what: str, name: str, fields: Any, own: str = "") -> str:
    """The same as a MERGE: equal rows are chosen alike, so a row is known by the values of all of its columns.

    Args:
        cursor: After the name of the table.
        what: `UPDATE` or `DELETE`.
        name: The table as the statement names it.
        fields: The columns of the table.
        own: The alias by which the query gets the table's own values beside those that the user sees.

    Raises:
        SparkError: A column is a MAP, which nothing can be compared with.
    """
    if any("map<" in field.dataType.simpleString() for field in fields):
        raise unsupported(f"{what} with a subquery, of a table with MAP columns", "Use MERGE INTO with a key.")
    alias = _alias(cursor) or [quote(name.rpartition(".")[2].strip("`"))]
    given = _assignments(cursor, alias[0]) if what == "UPDATE" else []
    where = f"WHERE {cursor.rest()}" if cursor.take("WHERE") else ""
    cursor.position = len(cursor.tokens)
    computed = [value for _, value in given if not _is_default(value)]
    if any(volatile(parse(f"SELECT {value}")) for value in computed):
        raise unsupported(f"{what} with a subquery and random values", "Use MERGE INTO with a key.")
    names = {value: quote(f"{CHANGED}{at}") for at, value in enumerate(computed)}
    values = "".join(f", {value} AS {name}" for value, name in names.items())
    kept = [own_name(own, at) if own else one for at, one in enumerate(fields.names)]
    row = ", ".join(f"{alias[0]}.{quote(one)}" for one in kept)
    source = f"(SELECT * FROM {name} AS {quote(own)})" if own else name
    query = f"SELECT DISTINCT {row}{values} FROM {source} AS {alias[0]} {where}"
    pairs = [(quote(one), quote(key)) for one, key in zip(fields.names, kept, strict=True)]
    same = " AND ".join(f"{quote('__row')}.{one} <=> {CHOSEN}.{key}" for one, key in pairs)
    new = [(column, f"{CHOSEN}.{names[value]}" if value in names else value) for column, value in given]
    change = ", ".join(f"{column} = {value}" for column, value in new)
    then = f"UPDATE SET {change}" if given else "DELETE"
    return f"MERGE INTO {name} AS {quote('__row')} USING ({query}) AS {CHOSEN} ON {same} WHEN MATCHED THEN {then}"


def _is_default(value: str) -> bool:
    return value.upper() == "DEFAULT"


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
