"""Maps as keys: the engine takes those whose entries stand in another order for different ones (Sail 0.7.2)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import grpc

from brickyard.workspace.compute.gateway.errors import SparkError, unsupported
from brickyard.workspace.compute.gateway.sugar.scope import Scope

__all__ = ["check_distinct", "check_map_keys"]


def check_map_keys(select: Any, scope: Scope) -> None:
    """Look at the types of what a SELECT groups by, or makes distinct.

    Raises:
        SparkError: UNSUPPORTED_BY_ENGINE, or UNSUPPORTED_FEATURE.SET_OPERATION_ON_MAP_TYPE.
    """
    keys = list(_keys(select, select.args.get("group")))
    try:
        grouped = scope.schema(select, *keys).fields if keys else []
        distinct = scope.schema(select, *select.expressions).fields if _is_distinct(select) else []
    except grpc.RpcError:  # it is correlated, or an error of which the engine says more
        return
    if any("map<" in field.dataType.simpleString() for field in grouped):
        raise unsupported("GROUP BY of maps", "Use array_sort(map_entries(...)) as the key.")
    check_distinct(distinct)


def check_distinct(fields: Iterable[Any]) -> None:
    """Refuse maps and variants, as Spark does, where rows are compared."""
    for field in fields:
        kind = field.dataType.simpleString()
        for name in [name for name, sign in (("MAP", "map<"), ("VARIANT", "variant")) if sign in _types(kind)]:
            text = f"The feature is not supported: Cannot have {name} type columns in DataFrame which calls set "
            text += f'operations (INTERSECT, EXCEPT, etc.), but the type of column `{field.name}` is "{kind.upper()}".'
            raise SparkError(f"UNSUPPORTED_FEATURE.SET_OPERATION_ON_{name}_TYPE", text, sql_state="0A000")


def _types(kind: str) -> str:
    """A type's text without the names of fields."""
    return re.sub(r"[^<>,]*:", "", kind)


def _is_distinct(select: Any) -> bool:
    grouped = any(select.args.get(key) for key in ("group", "having"))
    return select.args.get("distinct") is not None and not grouped


def _keys(select: Any, group: Any) -> Iterator[Any]:
    """The keys, positions as the items that they stand for; those of sets one by one."""
    from sqlglot import exp

    for key in group.expressions if group is not None else []:
        inner = key.unnest()
        if isinstance(inner, exp.Tuple | exp.GroupingSets | exp.Rollup | exp.Cube):
            yield from _keys(select, inner)
        elif not isinstance(inner, exp.Literal):
            yield inner
        elif inner.name.isdigit() and 0 < int(inner.name) <= len(select.expressions):
            yield select.expressions[int(inner.name) - 1].unalias()
