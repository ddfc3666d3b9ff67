"""`df.groupingSets(sets, *columns)`: Sail takes the sets, and no columns beside them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from brickyard.workspace.compute.gateway.errors import unsupported

__all__ = ["without_columns"]


def without_columns(aggregate: Any) -> None:
    """Leave the columns out: Sail puts them first as the sets name them, and counts `grouping_id` by that order.

    Raises:
        SparkError: UNSUPPORTED_BY_ENGINE: no order of the sets names the columns in theirs.
    """
    columns = [_text(column) for column in aggregate.grouping_expressions]
    sets = [sorted(map(_text, one.grouping_set), key=columns.index) for one in aggregate.grouping_sets]
    ordered = _ordered(sets, columns)
    del aggregate.grouping_expressions[:], aggregate.grouping_sets[:]
    for one in ordered:
        made = aggregate.grouping_sets.add()
        for column in one:
            made.grouping_set.add().ParseFromString(column)


def _ordered(sets: Sequence[Sequence[bytes]], columns: Sequence[bytes]) -> list[Sequence[bytes]]:
    """The sets in an order in which each goes on with the next columns, or names none that is new."""
    left, ordered, seen = list(sets), list[Sequence[bytes]](), 0
    while seen < len(columns):
        following = [one for one in left if len(new := _new(one, columns[:seen])) and new == _next(columns, seen, new)]
        if not following:
            text = "groupingSets in which a column comes before one that stands to its left"
            raise unsupported(text, "Name the columns in the order of the sets, or use GROUPING SETS in SQL.")
        seen += len(_new(following[0], columns[:seen]))
        left.remove(following[0])
        ordered.append(following[0])
    return [*ordered, *left]


def _new(one: Sequence[bytes], seen: Sequence[bytes]) -> list[bytes]:
    return [column for column in one if column not in seen]


def _next(columns: Sequence[bytes], seen: int, new: Sequence[bytes]) -> list[bytes]:
    return list(columns[seen : seen + len(new)])


def _text(expression: Any) -> bytes:
    """An expression without where it stands in the client's program."""
    bare = type(expression)()
    bare.CopyFrom(expression)
    bare.ClearField("common")
    return bytes(bare.SerializeToString(deterministic=True))
