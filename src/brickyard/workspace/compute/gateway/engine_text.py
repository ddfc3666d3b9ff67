"""A statement's text as the engine reads it: literals, names of functions, and words that may be columns."""

from __future__ import annotations

import re
from collections.abc import Callable, Set
from itertools import chain, pairwise

from brickyard.workspace.compute.gateway.intervals import spelled
from brickyard.workspace.compute.gateway.moments import has_moments, moments
from brickyard.workspace.compute.gateway.sqltext import Edit, Token, splice, tokenize, triples

__all__ = ["as_engine_reads", "functions_in_lower_case"]

#: Where ALL or DISTINCT may be a column, and what comes after it then.
QUANTIFIED = re.compile(r"\bselect\s+(all|distinct)\s*([,.)]|from\b|$)", re.IGNORECASE)
ENDS = frozenset({",", ".", ")", "FROM", ""})


def as_engine_reads(sql: str) -> str:
    """The statement with its literals as the engine reads them: `'it''s'` is one text, `X '1F'` one value.

    Source: https://docs.databricks.com/aws/en/sql/language-manual/data-types/string-type
    """
    quantified = QUANTIFIED.search(sql)
    marked = any(mark in sql for mark in ("''", '""', "X '", "x '")) or "interval" in sql.lower()
    if not (marked or quantified or has_moments(sql)):
        return sql
    tokens = tokenize(sql)
    edits = [Edit(*place) for place in chain(spelled(tokens), moments(tokens))]
    edits += _columns_of_words(tokens) if quantified else []
    for before, token in pairwise(tokens):
        if token.kind != "STRING":
            continue
        quote = sql[token.start]
        if before.kind == "STRING" and before.end + 1 == token.start and sql[before.start] == quote:
            edits.append(Edit(before.end, token.start + 1, f"\\{quote}"))
        elif before.kind == "VAR" and before.text in {"X", "x"} and before.end + 2 == token.start:
            edits.append(Edit(before.end + 1, token.start, ""))
    return splice(sql, edits)


def _columns_of_words(tokens: list[Token]) -> list[Edit]:
    """`SELECT all, a`: a column in quotes, where the word has nothing to be said of."""
    return [
        Edit(token.start, token.end + 1, f"`{token.text}`")
        for before, token, after in triples(tokens)
        if before.upper() == "SELECT" and token.text.upper() in {"ALL", "DISTINCT"} and after.upper() in ENDS
    ]


def functions_in_lower_case(sql: str, known: Callable[[], Set[str]]) -> str:
    """The statement with the names of the engine's functions in lower case, as Spark has them in names of columns.

    Args:
        sql: The statement.
        known: The names of these functions.
    """
    if sql.islower():
        return sql
    edits = []
    for before, token, after in triples(tokenize(sql)):
        name = token.text.lower()
        if after == "(" and before != "." and token.text != name and not token.is_quoted and name in known():
            edits.append(Edit(token.start, token.end + 1, name))
    return splice(sql, edits) if edits else sql
