"""UNPIVOT: `stack`, once per row."""

from __future__ import annotations

from functools import reduce
from typing import Any

from brickyard.workspace.compute.gateway.errors import SparkError
from brickyard.workspace.compute.gateway.sugar.scope import Scope, derived
from brickyard.workspace.compute.gateway.sugar.tree import column
from brickyard.workspace.compute.gateway.widening import common_type, sql_of

__all__ = ["unpivot"]


def unpivot(source: Any, clause: Any, select: Any, scope: Scope) -> Any:
    """The query for `source UNPIVOT [INCLUDE | EXCLUDE NULLS] (value FOR name IN (columns))`."""
    from sqlglot import exp

    rows = exp.Select(expressions=[exp.Star()], from_=exp.From(this=source))
    schema = scope.of(rows, select)
    field = clause.args["fields"][0]
    values = _list(clause.expressions[0])
    groups = [_group(item) for item in field.expressions]
    used = {one.name.lower() for _, columns in groups for one in columns}
    kept = [one.name for one in schema.fields if one.name.lower() not in used]
    kinds = _kinds([columns for _, columns in groups], schema)
    cells: list[Any] = [exp.Literal.number(len(groups))]
    for label, columns in groups:
        cells.append(exp.Literal.string(label))
        cells += [_cast(one, kinds[at]) for at, one in enumerate(columns)]
    stacked = exp.Aliases(
        this=exp.Anonymous(this="stack", expressions=cells),
        expressions=[exp.to_identifier(f"_u{at}", quoted=True) for at in range(len(values) + 1)],
    )
    inner = rows.copy()
    inner.set("expressions", [*[column(name) for name in kept], stacked])
    return _outer(inner, kept, [field.this.name, *[one.name for one in values]], clause)


def _outer(inner: Any, kept: list[str], new: list[str], clause: Any) -> Any:
    from sqlglot import exp

    labels = [f"_k{at}" for at in range(len(kept))] + [f"_u{at}" for at in range(len(new))]
    items = [exp.alias_(column(label), name, quoted=True) for label, name in zip(labels, [*kept, *new], strict=True)]
    outer = exp.Select(expressions=items, from_=exp.From(this=derived(inner, "_stacked", labels)))
    if not clause.args.get("include_nulls"):
        present = [exp.Not(this=exp.Is(this=column(label), expression=exp.Null())) for label in labels[len(kept) + 1 :]]
        outer.set("where", exp.Where(this=exp.or_(*present, copy=False)))
    return outer


def _list(node: Any) -> list[Any]:
    from sqlglot import exp

    return list(node.expressions) if isinstance(node, exp.Tuple) else [node.unnest()]


def _group(item: Any) -> tuple[str, list[Any]]:
    """The label and the columns of one item of IN."""
    from sqlglot import exp

    named = isinstance(item, exp.PivotAlias | exp.Alias)
    columns = _list(item.this if named else item)
    columns = [one.this if isinstance(one, exp.Paren) else one for one in columns]
    label = item.args["alias"].name if named else "_".join(one.name for one in columns)
    return label, columns


def _cast(one: Any, kind: str | None) -> Any:
    from sqlglot import exp

    plain = column(*[part.name for part in one.parts])
    return plain if kind is None else exp.Cast(this=plain, to=exp.DataType.build(kind, dialect="databricks"))


def _kinds(groups: list[list[Any]], schema: Any) -> list[str | None]:
    """For each value column the type to cast to, if the columns that go into it differ.

    Raises:
        SparkError: UNPIVOT_VALUE_DATA_TYPE_MISMATCH.
    """
    types = {one.name.lower(): one.dataType for one in schema.fields}
    kinds: list[str | None] = []
    for columns in zip(*groups, strict=True):
        names = [one.name.lower() for one in columns]
        missing = [name for name in names if name not in types]
        if missing:
            raise SparkError(
                "UNRESOLVED_COLUMN.WITH_SUGGESTION",
                f"A column, variable, or function parameter with name `{missing[0]}` cannot be resolved. Did you mean "
                f"one of the following? [{', '.join(f'`{one.name}`' for one in schema.fields)}].",
                sql_state="42703",
            )
        kinds.append(_common([types[name] for name in names]))
    return kinds


def _common(kinds: list[Any]) -> str | None:
    from pyspark.sql import types

    texts = {isinstance(kind, types.StringType) for kind in kinds if not isinstance(kind, types.NullType)}
    common = reduce(lambda left, right: left and common_type(left, right), kinds)
    if common is not None and len(texts) < 2:
        return None if all(kind == common for kind in kinds) else sql_of(common)
    listed = ", ".join(sorted({kind.simpleString() for kind in kinds}))
    raise SparkError(
        "UNPIVOT_VALUE_DATA_TYPE_MISMATCH",
        f"Unpivot value columns must share a least common type, but they have {listed}. Cast them in a subquery.",
        sql_state="42K09",
    )
