"""The names that Spark gives to window functions without an alias; Sail calls them by the function alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import grpc
from pyspark.sql.connect.proto import expressions_pb2, relations_pb2

from brickyard.workspace.compute.gateway.errors import SparkError
from brickyard.workspace.compute.gateway.frame_names import give
from brickyard.workspace.compute.gateway.values.expressions import children

__all__ = ["PLACES", "name_windows", "need_order", "refuse_ranges_of_dates", "window_name"]

ROWS_SO_FAR = "ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW"
RANGE_SO_FAR = "RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW"
ALL_ROWS = "ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING"
#: Functions of a row's place, as Spark calls them.
RANKS = {"row_number": "row_number", "rank": "RANK", "dense_rank": "DENSE_RANK", "percent_rank": "PERCENT_RANK"}
#: Functions that look at the rows in an order.
PLACES = frozenset({*RANKS, "ntile", "cume_dist", "lag", "lead", "nth_value"})
SAME = {"first_value": "first", "last_value": "last"}
Window = expressions_pb2.Expression.Window
Order = expressions_pb2.Expression.SortOrder


def need_order(function: str) -> None:
    """Complain of a window without an order, if the function needs one.

    Raises:
        SparkError: WINDOW_FUNCTION_FRAME_NOT_ORDERED.
    """
    if function.lower() in PLACES:
        raise SparkError(
            "WINDOW_FUNCTION_FRAME_NOT_ORDERED",
            f"Window function {function.lower()} requires the window to be ordered. You need to add an ORDER BY "
            f"clause. For example: SELECT {function.lower()}() OVER (PARTITION BY window_partition ORDER BY "
            "window_ordering) FROM table.",
            sql_state="42601",
        )


def window_name(function: str, partition: Sequence[str], order: Sequence[str], frame: str) -> str:
    """The name of a column.

    Args:
        function: The function with its arguments.
        partition: The names of what it is partitioned by.
        order: The terms of its order, each with its direction.
        frame: The frame that the query gives; empty if it gives none.
    """
    word, _, rest = function.partition("(")
    word = word.lower()
    if word in {"lag", "lead"}:
        function, frame = _offset(word, rest)
    elif word in RANKS or word == "ntile":
        function, frame = f"{RANKS.get(word, word)}({rest}", ROWS_SO_FAR
    elif word == "cume_dist":
        frame = RANGE_SO_FAR
    elif word == "nth_value":
        function = function.replace(", false)", ")")
    elif word in SAME:
        function = f"{SAME[word]}({rest}"
    parts = [f"PARTITION BY {', '.join(partition)}"] if partition else []
    parts += [f"ORDER BY {', '.join(order)}"] if order else []
    return f"{function} OVER ({' '.join([*parts, frame or (RANGE_SO_FAR if order else ALL_ROWS)])})"


def _offset(word: str, rest: str) -> tuple[str, str]:
    """`lag(x)` and `lead(x)` with all their arguments, and the one row that they look at."""
    value, *more = rest.removesuffix(")").split(", ")
    while more and not more[0].lstrip("-").isdigit():  # a comma inside the value
        value = f"{value}, {more.pop(0)}"
    offset, default = (*more[:1], *[", ".join(more[1:])]) if more else ("", "")
    offset = offset or "1"
    sign = "-" if word == "lag" else ""
    place = f"{sign}{offset} FOLLOWING".removeprefix("--")
    return f"{word}({value}, {offset}, {default or 'NULL'})", f"ROWS BETWEEN {place} AND {place}"


def name_windows(relation: relations_pb2.Relation, fields: Callable[[Any], Sequence[tuple[str, str]]]) -> None:
    """Give window functions of a projection that have no alias their names, in place.

    Args:
        relation: A relation whose names are resolved.
        fields: Asks the engine for the names and types of a relation's columns.
    """
    for column in relation.project.expressions if relation.HasField("project") else ():
        if column.HasField("window"):
            if not column.window.order_spec:
                need_order(column.window.window_function.unresolved_function.function_name)
            name = _name(column.window, relation.project.input, fields)
            if name:
                give(column, name)


def _name(window: Any, source: relations_pb2.Relation, fields: Any) -> str:
    asked = relations_pb2.Relation()
    asked.project.input.CopyFrom(source)
    whole = asked.project.expressions.add()
    whole.window.CopyFrom(window)
    asked.project.expressions.extend([*window.partition_spec, *[one.child for one in window.order_spec]])
    try:
        function, *names = [name for name, _ in fields(asked)]
    except grpc.RpcError:
        return ""
    cut = len(window.partition_spec)
    order = [f"{name} {_direction(one)}" for name, one in zip(names[cut:], window.order_spec, strict=True)]
    return window_name(function, names[:cut], order, _frame(window))


def _direction(order: Any) -> str:
    descending = order.direction == Order.SORT_DIRECTION_DESCENDING
    last = order.null_ordering == Order.SORT_NULLS_LAST
    return f"{'DESC' if descending else 'ASC'} NULLS {'LAST' if last else 'FIRST'}"


def _frame(window: Any) -> str:
    if not window.HasField("frame_spec"):
        return ""
    frame = window.frame_spec
    kind = "ROWS" if frame.frame_type == Window.WindowFrame.FRAME_TYPE_ROW else "RANGE"
    return f"{kind} BETWEEN {_bound(frame.lower, 'PRECEDING')} AND {_bound(frame.upper, 'FOLLOWING')}"


def _bound(bound: Any, side: str) -> str:
    if bound.unbounded:
        return f"UNBOUNDED {side}"
    if bound.current_row:
        return "CURRENT ROW"
    literal = bound.value.literal
    return f"{getattr(literal, literal.WhichOneof('literal_type') or 'integer')} FOLLOWING"


def refuse_ranges_of_dates(relation: relations_pb2.Relation, fields: Callable[[Any], Sequence[Any]]) -> None:
    """Complain of frames that count numbers from a date, as Spark does; Sail would count something else.

    Args:
        relation: A relation whose names are resolved.
        fields: Asks the engine for the names and types of a relation's columns.

    Raises:
        SparkError: DATATYPE_MISMATCH.RANGE_FRAME_INVALID_TYPE.
    """
    projected = relation.HasField("project")
    columns = relation.project.expressions if projected else [one.expr for one in relation.with_columns.aliases]
    keys = [key for column in columns for key in _ranged(column)]
    if not keys:
        return
    asked = relations_pb2.Relation()
    asked.project.input.CopyFrom(relation.project.input if projected else relation.with_columns.input)
    asked.project.expressions.extend(keys)
    if "date" in (kind for _, kind in fields(asked)):
        raise SparkError(
            "DATATYPE_MISMATCH.RANGE_FRAME_INVALID_TYPE",
            'The data type "DATE" used in the order specification does not support the data type "BIGINT" which is '
            "used in the range frame. Order by F.unix_date(...) of the column.",
            sql_state="42K09",
        )


def _ranged(expression: Any) -> Iterator[Any]:
    """The keys of windows below an expression whose frames count from a value."""
    if expression.HasField("window"):
        frame = expression.window.frame_spec
        counted = frame.lower.HasField("value") or frame.upper.HasField("value")
        if counted and frame.frame_type == Window.WindowFrame.FRAME_TYPE_RANGE:
            yield from [one.child for one in expression.window.order_spec[:1]]
    for child in children(expression):
        yield from _ranged(child)
