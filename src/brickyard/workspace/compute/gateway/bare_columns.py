"""Columns called like a function without brackets (`current_date`), in the texts of expressions of data frames."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from brickyard.workspace.compute.gateway.names import quote
from brickyard.workspace.compute.gateway.sqltext import Edit, splice, tokenize
from brickyard.workspace.compute.gateway.sugar.bare_calls import WORDS, bare_calls

__all__ = ["quote_columns"]


def quote_columns(relation: Any, names: Callable[[Any], list[str]]) -> None:
    """Quote what is a column of the relation's input, so that no function is taken for it.

    Args:
        relation: One of a plan; it is changed.
        names: The columns of another relation, which has not been resolved.
    """
    kind = relation.WhichOneof("rel_type")
    texts = [text for text in _texts(getattr(relation, kind)) if _may_have(text.expression)] if kind else []
    if not texts:
        return
    known = {name.lower() for name in names(getattr(relation, kind).input)}
    for text in texts:
        found = [token for token in bare_calls(tokenize(text.expression)) if token.text.lower() in known]
        text.expression = splice(text.expression, [Edit(one.start, one.end + 1, quote(one.text)) for one in found])


def _may_have(text: str) -> bool:
    return any(word in text.upper() for word in WORDS)


def _texts(message: Any) -> Iterator[Any]:
    """The expressions of one relation that are given as text; not those of its inputs."""
    for field, value in message.ListFields():
        if field.message_type is None or field.message_type.name in {"Relation", "Plan"}:
            continue
        if field.message_type.GetOptions().map_entry:
            continue
        for child in value if field.is_repeated else [value]:
            if child.DESCRIPTOR.name == "ExpressionString":
                yield child
            else:
                yield from _texts(child)
