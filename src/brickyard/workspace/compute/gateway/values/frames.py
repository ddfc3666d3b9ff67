"""The windows of aggregate functions: over a sliding frame, Sail takes values out of a sum again.

A DOUBLE that has left the frame then still shows: of large numbers in what is lost of small ones, of NaN for ever. And
lists of what is in a sliding frame get mixed up where the rows are sorted for another window (0.7.2).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from brickyard.workspace.compute.gateway.errors import unsupported
from brickyard.workspace.compute.gateway.values.expressions import children

__all__ = ["FRAMED", "check_lists", "check_lists_of_plan", "framed_call", "framed_node"]

#: The functions whose rules are others over a window, and others again over a sliding frame.
FRAMED = frozenset({"sum", "avg", "mean", "try_avg", "stddev", "std", "stddev_samp", "stddev_pop"}) | {
    "variance",
    "var_samp",
    "var_pop",
    "try_sum",
}
#: A frame of more rows than this is not copied for each row.
LONGEST = 10_000
LISTS = frozenset({"collect_list", "collect_set", "array_agg"})


def framed_call(name: str, node: Any) -> str:
    """The name of the rule for a call in a statement's tree."""
    from sqlglot import exp

    window = node.parent
    while isinstance(window, exp.Filter):
        window = window.parent
    if name not in FRAMED or not isinstance(window, exp.Window):
        return name
    return _name(name, *_bounds(window), mixed=len(_orders(window.find_ancestor(exp.Select))) > 1)


def _bounds(window: Any) -> tuple[int | None, int | None]:
    """How far the first and the last row of a window's frame are away; None if they are not bounded."""
    spec = _spec(window)
    return (None, None) if spec is None else (_rows(spec.args.get("start")), _rows(spec.args.get("end")))


def _spec(window: Any) -> Any:
    """The frame of a window, also of one that is defined in the clause WINDOW."""
    from sqlglot import exp

    select = window.find_ancestor(exp.Select)
    while window.args.get("spec") is None and window.args.get("alias") is not None and select is not None:
        name = window.args["alias"].name.lower()
        named = [one for one in select.args.get("windows") or [] if one.name.lower() == name and one is not window]
        if not named:
            return None
        window = named[0]
    return window.args.get("spec")


def _rows(bound: Any) -> int | None:
    """How many rows away a bound is at most, about; None if it is unbounded."""
    from sqlglot import exp

    if isinstance(bound, str):
        return None if bound.upper() == "UNBOUNDED" else 0
    return int(bound.name) if isinstance(bound, exp.Literal) and bound.name.isdigit() else 0


def framed_node(name: str, around: Any, mixed: bool) -> str:
    """The name of the rule for a call in a plan, in the message around it.

    Args:
        name: The function.
        around: The expression that it stands in.
        mixed: The relation has windows of several orders.
    """
    if name not in FRAMED or around is None or not around.HasField("window"):
        return name
    return _name(name, *_distances(around.window), mixed=mixed)


def _distances(window: Any) -> tuple[int | None, int | None]:
    if not window.HasField("frame_spec"):
        return None, None
    return _distance(window.frame_spec.lower), _distance(window.frame_spec.upper)


def _distance(bound: Any) -> int | None:
    if bound.unbounded:
        return None
    literal = bound.value.literal
    kind = literal.WhichOneof("literal_type")
    return abs(getattr(literal, kind)) if kind in {"integer", "long"} else 0


def _name(name: str, start: int | None, end: int | None, *, mixed: bool) -> str:
    short = start is not None and end is not None and start + end <= LONGEST
    return f"{name} {'mixed' if mixed else 'sliding'}" if short else f"{name} over"


def check_lists(tree: Any) -> None:
    """Look for lists of what is in a sliding frame beside windows of another order.

    Raises:
        SparkError: UNSUPPORTED_BY_ENGINE.
    """
    from sqlglot import exp

    for select in tree.find_all(exp.Select):
        lists = any(_is_list(one.this) and _bounds(one)[0] is not None for one in _windows_of(select))
        if lists:
            _refuse(_orders(select))


def _windows_of(select: Any) -> list[Any]:
    from sqlglot import exp

    windows = [one for one in select.find_all(exp.Window) if one.args.get("over")]
    return [one for one in windows if one.find_ancestor(exp.Select) is select]


def _orders(select: Any) -> set[str]:
    """The orders that the windows of a query need."""
    return {_order(select, one) for one in _windows_of(select)} if select is not None else set()


def _is_list(call: Any) -> bool:
    from sqlglot import exp

    while isinstance(call, exp.Filter):
        call = call.this
    return isinstance(call, exp.Anonymous) and call.name.lower() in LISTS


def _order(select: Any, window: Any) -> str:
    """The parts of a window that decide in which order the rows must be."""
    if window.args.get("alias") is not None:
        named = [
            one for one in select.args.get("windows") or [] if one.name.lower() == window.args["alias"].name.lower()
        ]
        window = named[0] if named else window
    terms = [*(window.args.get("partition_by") or []), window.args.get("order")]
    return " ".join(term.sql() if term is not None else "-" for term in terms).lower()


def check_lists_of_plan(expressions: Iterable[Any]) -> bool:
    """The same for the expressions of a relation; whether their windows have several orders."""
    windows = [window for expression in expressions for window in _windows(expression)]
    names = [one.window_function.unresolved_function.function_name.lower() for one in windows]
    orders = {f"{list(one.partition_spec)} {list(one.order_spec)}" for one in windows}
    if any(name in LISTS and _distances(one)[0] is not None for name, one in zip(names, windows, strict=True)):
        _refuse(orders)
    return len(orders) > 1


def _windows(expression: Any) -> Iterator[Any]:
    if expression.HasField("window"):
        yield expression.window
    for child in children(expression):
        yield from _windows(child)


def _refuse(orders: set[str]) -> None:
    if len(orders) > 1:
        raise unsupported(
            "a list of a sliding frame beside windows of another order",
            "Compute one of them in a subquery, or with its own withColumn().",
        )
