"""Types and names of expressions, asked of the engine: it analyses a query that is never run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import grpc

from brickyard.workspace.compute.gateway.values.scopes import Scope, is_aggregated, scope_of

__all__ = ["Asked", "Probe", "Question", "ask"]

#: The fields of a query, as (name, type).
Asked = list[tuple[str, str]]


@dataclass(frozen=True)
class Question:
    """Expressions and where their rows come from.

    Args:
        texts: The expressions.
        ctes: `WITH ...`, or empty.
        source: `FROM ...`, or empty.
        group: `GROUP BY ...`, or empty.
    """

    texts: Sequence[str]
    ctes: str = ""
    source: str = ""
    group: str = ""

    def of(self, text: Callable[[str], str]) -> Question:
        """The same question with other texts."""
        return Question([text(one) for one in self.texts], text(self.ctes), text(self.source), text(self.group))

    @property
    def sql(self) -> str:
        """The query that has the expressions as its columns."""
        return f"{self.ctes} SELECT {', '.join(self.texts)} {self.source} {self.group}"


#: From a question to the fields of its columns.
Probe = Callable[[Question], Asked]


def ask(sql: str, wanted: Sequence[tuple[Any, str]], scope: Scope, probe: Probe) -> dict[int, tuple[str, str]]:
    """Names and types of expressions of one scope, by the id of their node; what cannot be told is left out."""
    found: dict[int, tuple[str, str]] = {}
    for grouped in (False, True):
        part = [(node, text) for node, text in wanted if is_aggregated(node) == grouped]
        if part:
            found.update(_fields(sql, part, scope, probe, grouped=grouped))
    return found


def _fields(
    sql: str, wanted: Sequence[tuple[Any, str]], scope: Scope, probe: Probe, *, grouped: bool
) -> dict[int, tuple[str, str]]:
    texts = [text for _, text in wanted]
    for query in _queries(sql, texts, scope, grouped=grouped):
        fields = _answer(query, probe)
        if len(fields) == len(wanted):
            return {id(node): field for (node, _), field in zip(wanted, fields, strict=True)}
    if len(wanted) == 1:
        return {}
    found: dict[int, tuple[str, str]] = {}
    for one in wanted:  # one of them is what the engine cannot resolve alone, such as an alias
        found.update(_fields(sql, [one], scope, probe, grouped=grouped))
    return found


def _queries(sql: str, texts: Sequence[str], scope: Scope, *, grouped: bool) -> list[Question]:
    """The query to ask; then, for a correlated subquery, with the rows of the queries around it."""
    group = scope.group if grouped else ""
    queries = [Question(texts, scope.ctes, scope.source, group)]
    outer, source = scope_of(sql, scope.node), scope.source
    while outer is not None:
        source = f"{source} CROSS JOIN {outer.source[4:]}" if source and outer.source else source or outer.source
        queries.append(Question(texts, scope.ctes, source, group))
        outer = scope_of(sql, outer.node)
    return queries


def _answer(query: Question, probe: Probe) -> Asked:
    try:
        return probe(query)
    except grpc.RpcError:
        return []
