"""The values that UPDATE and MERGE give to columns, cast as Delta casts them; Sail refuses text for another type."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from typing import Any

from brickyard.workspace.compute.gateway.assignment import CHANGED, assigned
from brickyard.workspace.compute.gateway.lengths import within
from brickyard.workspace.compute.gateway.sqltext import Edit, splice
from brickyard.workspace.compute.gateway.values.probes import Probe, ask
from brickyard.workspace.compute.gateway.values.scopes import scope_of
from brickyard.workspace.compute.gateway.values.spans import parse_spans, span

__all__ = ["assigned_path", "cast_values"]

Given = tuple[list[str], Any]


def cast_values(sql: str, fields: Any, probe: Probe, longest: Mapping[str, int]) -> str:
    """The statement with each value cast to its column's type where it is of another.

    Args:
        sql: An UPDATE or MERGE whose names are resolved.
        fields: The columns of the table.
        probe: Asks the engine for the types of values.
        longest: The most characters of columns that have a limit.
    """
    kinds = {field.name.lower(): field for field in fields}
    given = [(path, value) for path, value in _given(parse_spans(sql), kinds) if path[0] in kinds and span(value)]
    types = _types(sql, [value for _, value in given], probe)
    edits = []
    for path, value in given:
        place, field = span(value), _field(kinds[path[0]], path[1:])
        have, kind = types.get(id(value), ""), "" if field is None else field.dataType.simpleString()
        limit = longest.get(path[0]) if len(path) == 1 else None
        if place and kind and (limit or have not in {kind, "void"}):
            text = f"({sql[slice(*place)]})"
            if have not in {kind, "void"}:
                text = assigned(text, field.name, have, kind, CHANGED)
            edits.append(Edit(*place, within(f"({text})", field.name, limit) if limit else text))
    return splice(sql, edits)


def assigned_path(column: Any, table: Any, columns: Container[str]) -> list[str]:
    """The column that is given a value and the fields inside it, in lower case and without the table's name.

    Args:
        column: As the statement names it.
        table: The table as the statement names it.
        columns: The table's columns, in lower case.
    """
    parts = [part.name.lower() for part in column.parts]
    own = [table.alias] if table.alias else [part.name for part in table.parts]
    for at in range(len(own)):
        name = [part.lower() for part in own[at:]]
        if parts[: len(name)] == name and "".join(parts[len(name) : len(name) + 1]) in columns:
            return parts[len(name) :]
    return parts if parts[0] in columns else parts[-1:]


def _field(field: Any, path: list[str]) -> Any:
    """The field of a struct, or None."""
    for name in path:
        inside = getattr(field.dataType, "fields", [])
        field = next((one for one in inside if one.name.lower() == name), None)
        if field is None:
            return None
    return field


def _given(tree: Any, kinds: Container[str]) -> Iterator[Given]:
    """The paths of columns, and the values that they are given."""
    from sqlglot import exp

    for update in tree.find_all(exp.Update):
        for equation in update.expressions:
            if isinstance(equation, exp.EQ) and isinstance(equation.this, exp.Column):
                yield assigned_path(equation.this, tree.this, kinds), equation.expression
    for insert in tree.find_all(exp.Insert):
        columns, values = insert.this, insert.expression
        if isinstance(columns, exp.Tuple) and isinstance(values, exp.Tuple):
            names = [assigned_path(column, tree.this, kinds) for column in columns.expressions]
            yield from zip(names, values.expressions, strict=False)


def _types(sql: str, values: list[Any], probe: Probe) -> dict[int, str]:
    """The types of values, with one question to the engine, by the id of their node."""
    if not values:
        return {}
    scope = scope_of(sql, values[0])
    texts = [(value, sql[slice(*place)]) for value in values if (place := span(value))]
    return {key: kind for key, (_, kind) in ask(sql, texts, scope, probe).items()} if scope else {}
