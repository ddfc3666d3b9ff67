"""The word DEFAULT where an INSERT gives values: each is the value of its column's default.

Source: https://docs.databricks.com/aws/en/sql/language-manual/sql-ref-syntax-dml-insert-into
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from brickyard.workspace.compute.gateway.errors import SparkError
from brickyard.workspace.compute.gateway.filling import Filled
from brickyard.workspace.compute.gateway.names import quote
from brickyard.workspace.compute.gateway.sqltext import Cursor, Edit, splice
from brickyard.workspace.compute.gateway.values.spans import parse_spans, span

__all__ = ["MARKED", "default_of", "inserted_defaults", "marked", "misplaced", "says_default"]

WORD = "DEFAULT"
#: What stands for the word while a statement is parsed: a name, whose place the parser knows.
MARKED = "`\x1fdef\x1f`"


def says_default(sql: str) -> bool:
    """Whether the word is in a statement, outside of texts and quoted names."""
    return WORD in sql.upper() and marked(sql) != sql


def marked(sql: str) -> str:
    """The statement with a name of its own, of the same length, instead of each word."""
    if WORD not in sql.upper():
        return sql
    tokens = Cursor(sql).tokens
    texts = ["", *(token.text for token in tokens), ""]
    edits = [
        Edit(token.start, token.end + 1, MARKED)
        for number, token in enumerate(tokens)
        if token.text.upper() == WORD
        and token.kind not in {"STRING", "IDENTIFIER"}
        and "." not in {texts[number], texts[number + 2]}  # not the schema of that name
    ]
    return splice(sql, edits)


def default_of(name: str, nullable: bool, filled: Mapping[str, Filled]) -> str:
    """The SQL of the value that the word stands for.

    Args:
        name: The column.
        nullable: Whether it takes nulls.
        filled: The columns that are filled by themselves.

    Raises:
        SparkError: NO_DEFAULT_COLUMN_VALUE_AVAILABLE.
    """
    column = filled.get(name.lower(), Filled(name))
    if column.default is None and not nullable:
        text = (
            f"Can't determine the default value for {quote(name)} since it is not nullable and it has no default value."
        )
        raise SparkError("NO_DEFAULT_COLUMN_VALUE_AVAILABLE", text, sql_state="42608")
    return "NULL" if column.default is None else f"({column.default})"


def misplaced() -> SparkError:
    """The error of the word inside an expression."""
    text = (
        "A DEFAULT keyword in a MERGE, INSERT, UPDATE, or SET VARIABLE command could not be directly assigned to a "
        "target column because it was part of an expression. For example: `UPDATE SET c1 = DEFAULT` is allowed, but "
        "`UPDATE T SET c1 = DEFAULT + 1` is not allowed."
    )
    return SparkError("DEFAULT_PLACEMENT_INVALID", text, sql_state="42608")


def inserted_defaults(query: str, columns: Sequence[tuple[str, bool]], filled: Mapping[str, Filled]) -> str:
    """The query of an INSERT without the word.

    Args:
        query: `VALUES ...` or `SELECT ...`.
        columns: Name, and whether it takes nulls, of the column that each value is for.
        filled: The columns that are filled by themselves.

    Raises:
        SparkError: DEFAULT_PLACEMENT_INVALID, or a column that must have a value and has no default.
    """
    text = marked(query)
    places = _values(text) if text != query else []
    edits = [
        Edit(start, end, default_of(*columns[index], filled)) for start, end, index in places if index < len(columns)
    ]
    spelled = splice(text, edits)
    if MARKED in spelled:
        raise misplaced()
    return spelled


def _values(query: str) -> Iterator[tuple[int, int, int]]:
    """Places of the marks that are whole values, and which columns they are for."""
    from sqlglot import exp

    tree = parse_spans(query)
    rows: list[list[Any]] = []
    if isinstance(tree, exp.Values):
        rows = [one.expressions if isinstance(one, exp.Tuple) else [one] for one in tree.expressions]
    elif isinstance(tree, exp.Select) and not tree.is_star:
        rows = [tree.expressions]
    for row in rows:
        for index, value in enumerate(row):
            place = span(value)
            if place and query[slice(*place)] == MARKED:
                yield place[0], place[1], index
