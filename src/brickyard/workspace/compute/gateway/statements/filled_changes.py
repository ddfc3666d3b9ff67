"""UPDATE and MERGE of a table with columns that are filled by themselves: every value is spelled out.

Sail fills such columns too, but with its own values of expressions, which are not always those of Databricks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from brickyard.workspace.compute.gateway.errors import unsupported
from brickyard.workspace.compute.gateway.filled_rows import checked
from brickyard.workspace.compute.gateway.filling import Filled
from brickyard.workspace.compute.gateway.names import quote
from brickyard.workspace.compute.gateway.sqltext import Edit, splice
from brickyard.workspace.compute.gateway.statements.assignments import assigned_path
from brickyard.workspace.compute.gateway.statements.default_words import MARKED, default_of, marked, misplaced
from brickyard.workspace.compute.gateway.values.spans import parse_spans, span

__all__ = ["Target", "spell_out"]


@dataclass(frozen=True)
class Target:
    """The table that a statement changes.

    Args:
        fields: Its columns, by their names in lower case.
        filled: Those that are filled by themselves.
        alias: What its columns are called by where they could be another's; empty in an UPDATE.
        numbers: SQL of the number of a new row, by the name of the identity column.
    """

    fields: Mapping[str, Any]
    filled: Mapping[str, Filled]
    alias: str = ""
    numbers: Mapping[str, str] = field(default_factory=dict)

    def kind(self, name: str) -> str:
        """The type of a column."""
        return str(self.fields[name].dataType.simpleString())


def spell_out(sql: str, target: Target) -> str:
    """The statement with all values that it gives to columns, and none of the words DEFAULT.

    Raises:
        SparkError: It gives a value to a column that takes none.
    """
    from sqlglot import exp

    text = marked(sql)
    tree = parse_spans(text)
    edits: list[Edit] = []
    for update in tree.find_all(exp.Update):
        edits += _update(text, update, tree.this, target)
    for insert in tree.find_all(exp.Insert):
        if isinstance(insert.this, exp.Tuple) and isinstance(insert.expression, exp.Tuple):
            edits += _insert(text, insert, tree.this, target)
    spelled = splice(text, edits)
    if MARKED in spelled:
        raise misplaced()
    return spelled


def _update(text: str, update: Any, table: Any, target: Target) -> Iterator[Edit]:
    from sqlglot import exp

    pairs = [(one.this, one.expression) for one in update.expressions if isinstance(one, exp.EQ)]
    paths = [(assigned_path(column, table, target.fields), value) for column, value in pairs]
    _need_independent((path[0] for path, _ in paths if len(path) > 1), target)
    named = [(path[0], value) for path, value in paths if len(path) == 1]
    values = {name: _value(text, name, value, target) for name, value in named}
    for name in values.keys() & target.filled.keys():
        target.filled[name].need_changeable()
    own = _generated(values, target, missing=None)
    for name, value in named:
        yield from _given(text, name, value, values, own, target)
    added = [f", {quote(target.fields[name].name)} = {value}" for name, value in own.items() if name not in values]
    if added:
        last = _place(pairs[-1][1])[1]
        yield Edit(last, last, "".join(added))


def _insert(text: str, insert: Any, table: Any, target: Target) -> Iterator[Edit]:
    names = [assigned_path(one, table, target.fields)[0] for one in insert.this.expressions]
    named = list(zip(names, insert.expression.expressions, strict=False))
    values = {name: _value(text, name, value, target) for name, value in named}
    for name in values.keys() & target.filled.keys():
        target.filled[name].need_writable()
    added = {
        name: default_of(column.name, True, target.filled)
        for name, column in target.filled.items()
        if name not in values and column.default is not None
    }
    own = _generated(values | added, target, missing="NULL")
    added |= {name: value for name, value in own.items() if name not in values}
    added |= {name: number for name, number in target.numbers.items() if name not in values}
    for name, value in named:
        yield from _given(text, name, value, values, own, target)
    columns, last = _place(insert.this.expressions[-1])[1], _place(named[-1][1])[1]
    yield Edit(columns, columns, "".join(f", {quote(target.fields[name].name)}" for name in added))
    yield Edit(last, last, "".join(f", {value}" for value in added.values()))


def _given(
    text: str, name: str, value: Any, values: Mapping[str, str], own: Mapping[str, str], target: Target
) -> Iterator[Edit]:
    """What stands for a value that the statement gives."""
    start, end = _place(value)
    if name in own:
        kind = target.kind(name)
        yield Edit(start, end, checked(target.filled[name], f"CAST({values[name]} AS {kind})", own[name], kind))
    elif text[start:end] == MARKED:
        yield Edit(start, end, values[name])


def _place(node: Any) -> tuple[int, int]:
    place = span(node)
    if place is None:
        raise unsupported("a value in this place of a table with generated columns", "Give it a name in a subquery.")
    return place


def _need_independent(changed: Iterable[str], target: Target) -> None:
    """Refuse the change of a field of a struct that a generated column is computed of."""
    used = set[str]()
    for column in target.filled.values():
        used |= _replaced(column.generated, {}, target, None)[1] if column.generated is not None else set()
    if used.intersection(changed):
        raise unsupported("a change of a field of a struct that generated columns use", "Give the whole struct.")


def _value(text: str, name: str, value: Any, target: Target) -> str:
    """The SQL of a value that the statement gives."""
    start, end = _place(value)
    if text[start:end] != MARKED:
        return f"({text[start:end]})"
    known = target.fields.get(name)
    return default_of(known.name if known else name, known is None or known.nullable, target.filled)


def _generated(values: Mapping[str, str], target: Target, missing: str | None) -> dict[str, str]:
    """The values of generated columns that are given one, or are computed of columns that are.

    Args:
        values: SQL of the values that are given, by column.
        target: The table.
        missing: What stands for a column that is given none; without it, the column of the table does.
    """
    found = {}
    for name, column in target.filled.items():
        if column.generated is None:
            continue
        text, used = _replaced(column.generated, values, target, missing)
        if missing is not None or name in values or used & values.keys():
            found[name] = f"CAST(({text}) AS {target.kind(name)})"
    return found


def _replaced(generated: str, values: Mapping[str, str], target: Target, missing: str | None) -> tuple[str, set[str]]:
    """An expression with values instead of columns, and the columns that it is of."""
    from sqlglot import exp

    sql = f"SELECT {generated}"
    edits, used = [], set()
    for column in parse_spans(sql).find_all(exp.Column):
        first = column.parts[0]
        name = first.name.lower()
        used.add(name)
        own = f"{quote(target.alias)}.{quote(first.name)}" if target.alias else quote(first.name)
        value = values.get(name, missing)
        text = own if value is None else f"CAST({value} AS {target.kind(name)})"
        edits.append(Edit(first.meta["start"], first.meta["end"] + 1, text))
    return splice(sql, edits).removeprefix("SELECT "), used
