"""The values that UPDATE and MERGE give to columns, cast as Delta casts them; Sail refuses text for another type."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from brickyard.workspace.compute.gateway.assignment import CHANGED, assigned
from brickyard.workspace.compute.gateway.sqltext import Edit, splice
from brickyard.workspace.compute.gateway.values.probes import Probe, ask
from brickyard.workspace.compute.gateway.values.scopes import scope_of
from brickyard.workspace.compute.gateway.values.spans import parse_spans, span

__all__ = ["cast_values"]

Given = tuple[str, Any]


def cast_values(sql: str, fields: Any, probe: Probe) -> str:
    """The statement with each value cast to its column's type where it is of another.

    Args:
        sql: An UPDATE or MERGE whose names are resolved.
        fields: The columns of the table.
        probe: Asks the engine for the types of values.
    """
    kinds = {field.name.lower(): field for field in fields}
    given = [(name, value) for name, value in _given(parse_spans(sql)) if name in kinds and span(value)]
    types = _types(sql, [value for _, value in given], probe)
    edits = []
    for name, value in given:
        place, kind = span(value), kinds[name].dataType.simpleString()
        have = types.get(id(value), "")
        if place and have not in {kind, "void"}:
            text = assigned(f"({sql[slice(*place)]})", kinds[name].name, have, kind, CHANGED)
            edits.append(Edit(*place, text))
    return splice(sql, edits)


def _given(tree: Any) -> Iterator[Given]:
    """The columns, in lower case, and the values that they are given."""
    from sqlglot import exp

    for update in tree.find_all(exp.Update):
        for equation in update.expressions:
            if isinstance(equation, exp.EQ) and isinstance(equation.this, exp.Column):
                yield equation.this.name.lower(), equation.expression
    for insert in tree.find_all(exp.Insert):
        columns, values = insert.this, insert.expression
        if isinstance(columns, exp.Tuple) and isinstance(values, exp.Tuple):
            names = [column.name.lower() for column in columns.expressions]
            yield from zip(names, values.expressions, strict=False)


def _types(sql: str, values: list[Any], probe: Probe) -> dict[int, str]:
    """The types of values, with one question to the engine, by the id of their node."""
    if not values:
        return {}
    scope = scope_of(sql, values[0])
    texts = [(value, sql[slice(*place)]) for value in values if (place := span(value))]
    return {key: kind for key, (_, kind) in ask(sql, texts, scope, probe).items()} if scope else {}
