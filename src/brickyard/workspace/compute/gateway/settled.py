"""Statements without the queries of the views in them, which are as the engine reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from brickyard.workspace.compute.gateway.sqltext import Edit, splice

__all__ = ["NAME", "Settled"]

NAME = "`__settled_{}`"
#: Between a query and its quoted alias.
ALIAS = ") AS `"


@dataclass(frozen=True)
class Settled:
    """A statement in which names stand for queries.

    Args:
        text: The statement.
        queries: The queries, with their parentheses and aliases, by their names.
    """

    text: str
    queries: Mapping[str, str]

    @staticmethod
    def apart(sql: str, edits: Sequence[Edit]) -> Settled:
        """A statement after its edits, in which each query that they put in place has a name instead."""
        named, queries = [], {}
        for number, edit in enumerate(edits):
            name = NAME.format(number)
            text, query, alias = edit.text, *_parts(edit.text)
            if query:
                text, queries[name] = name + alias, query
            named.append(Edit(edit.start, edit.end, text))
        return Settled(splice(sql, named), queries)

    def whole(self, text: str) -> str:
        """A part of the statement with the queries in it."""
        for name, query in self.queries.items():
            text = text.replace(name, query)
        return text


def _parts(text: str) -> tuple[str, str]:
    """A query in parentheses, and the alias behind it; empty if the text is something else."""
    if not text.startswith("("):
        return "", text
    if text.endswith(")"):
        return text, ""
    query, sign, alias = text.rpartition(ALIAS)
    return f"{query})", sign[1:] + alias
