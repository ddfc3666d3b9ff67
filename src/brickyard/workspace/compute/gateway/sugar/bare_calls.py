"""Functions that are called without brackets, such as `current_date`: a column of that name comes before them."""

from __future__ import annotations

from typing import Any

from brickyard.workspace.compute.gateway.sqltext import Token
from brickyard.workspace.compute.gateway.sugar.names import is_lambda_argument, targets
from brickyard.workspace.compute.gateway.sugar.scope import Scope
from brickyard.workspace.compute.gateway.sugar.tree import column, replace

__all__ = ["bare_calls", "columns_first"]

#: Those that the parser and the engine take for calls; they have columns for the others (`user`, `now`).
WORDS = frozenset({"CURRENT_DATE", "CURRENT_TIMESTAMP", "CURRENT_USER", "SESSION_USER"})


def bare_calls(tokens: list[Token]) -> list[Token]:
    """The words of a statement that are such calls, or columns of their names."""
    return [
        token
        for before, token, after in zip([None, *tokens], tokens, [*tokens[1:], None], strict=False)
        if token.text.upper() in WORDS
        and not token.is_quoted
        and (before is None or before.text != ".")
        and (after is None or after.text != "(")
    ]


def columns_first(tree: Any, scope: Scope) -> None:
    """Make a column of each bare name that a column has; the function comes before aliases and outer columns."""
    from sqlglot import exp

    found = list(tree.find_all(exp.CurrentDate, exp.CurrentTimestamp, exp.CurrentUser, exp.SessionUser))
    for call in found:
        if not call.meta.get("is_call") and _is_column(call, str(call.meta["text"]), scope):
            replace(call, column(call.meta["text"]))
        else:
            call.meta["is_call"] = True  # also where it is put into the body of a function


def _is_column(call: Any, name: str, scope: Scope) -> bool:
    from sqlglot import exp

    if is_lambda_argument(call, name.lower()):
        return True
    query = call.find_ancestor(exp.Select, exp.SetOperation)
    if query is None:
        changed = [exp.Select(from_=exp.From(this=target.copy())) for target in targets(call)]
        return any(scope.has_column(source, name) for source in changed)
    if _is_above(call, query) and name.lower() in _results(query):
        return True
    return isinstance(query, exp.Select) and bool(scope.has_column(query, name, call))


def _is_above(call: Any, query: Any) -> bool:
    """Whether it stands in a clause that comes after the select list."""
    clause = call
    while clause.parent is not query:
        clause = clause.parent
    return clause.arg_key in {"order", "sort", "having", "qualify"}


def _results(query: Any) -> set[str]:
    """The names in the select list of a query."""
    from sqlglot import exp

    while not isinstance(query, exp.Select):
        query = query.this
    return {str(item.alias_or_name or item.meta.get("text", "")).lower() for item in query.expressions}
