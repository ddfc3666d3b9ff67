"""Mistakes in a SELECT of which the engine says nothing, or something else than Databricks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from brickyard.workspace.compute.gateway.errors import PARSE, SparkError, unsupported
from brickyard.workspace.compute.gateway.sugar.aggregates import aggregates, function_name, generators, is_generator

__all__ = ["check_ctes", "check_order", "check_select", "check_window", "not_foldable"]

#: Functions of chance; with a seed, but for the last two, they give the same values again.
RANDOM = frozenset({"rand", "randn", "random", "randstr", "uniform", "uuid", "shuffle"})
#: Aggregate functions of all rows of a partition.
WHOLE = frozenset({"median", "percentile_cont", "percentile_disc", "mode"})
#: Those of a list that is sorted.
SORTED = WHOLE - {"median"}
#: Aggregate functions with a delimiter, also as the parser names them.
LISTS = frozenset({"listagg", "string_agg", "groupconcat"})


def check_window(window: Any) -> None:
    """Look at what an aggregate function over a window is of.

    Raises:
        SparkError: DISTINCT_WINDOW_FUNCTION_UNSUPPORTED, INVALID_WINDOW_SPEC_FOR_AGGREGATION_FUNC.
    """
    from sqlglot import exp

    function = window.this
    while isinstance(function, exp.Filter | exp.WithinGroup | exp.IgnoreNulls | exp.RespectNulls):
        function = function.this
    if any(isinstance(one, exp.Distinct) for one in function.iter_expressions()):
        text = f"Distinct window functions are not supported: {window.sql(dialect='databricks')}. Use a subquery."
        raise SparkError("DISTINCT_WINDOW_FUNCTION_UNSUPPORTED", text, sql_state="0A000")
    name = str(function.name if isinstance(function, exp.Anonymous) else function.key).lower().replace("_", "")
    own = _defined(window)
    if name in {one.replace("_", "") for one in WHOLE} and (own.args.get("order") or own.args.get("spec")):
        text = f"Cannot specify ORDER BY or a window frame for `{name}`."
        raise SparkError("INVALID_WINDOW_SPEC_FOR_AGGREGATION_FUNC", text, sql_state="42601")


def _defined(window: Any) -> Any:
    """What a window's name stands for; the window if it has none."""
    from sqlglot import exp

    name, select = window.args.get("alias"), window.find_ancestor(exp.Select)
    named = select.args.get("windows") or [] if name is not None and select is not None else []
    return next((one for one in named if one.this.name.lower() == name.name.lower()), window)


def check_select(select: Any) -> None:
    """Look at the positions and the keys of GROUP BY and ORDER BY, and where generators and windows are.

    Raises:
        SparkError: GROUP_BY_POS_OUT_OF_RANGE, STAR_GROUP_BY_POS, GROUP_BY_AGGREGATE, UNSUPPORTED_GENERATOR,
            ORDER_BY_POS_OUT_OF_RANGE, QUALIFY_REQUIRES_WINDOW_FUNCTION.
    """
    from sqlglot import exp

    _generators(select)
    _counts(select)
    qualify = select.args.get("qualify")
    if qualify is not None and not any(one.find(exp.Window) for one in [qualify, *select.expressions]):
        text = "The QUALIFY clause requires at least one window function in the SELECT list or QUALIFY clause."
        raise SparkError("QUALIFY_REQUIRES_WINDOW_FUNCTION", text, sql_state="42601")
    group = select.args.get("group")
    if group is not None:
        _positions(select, "GROUP BY", group.expressions)
        _keys(group.expressions)
    check_order(select)
    star = any(isinstance(item, exp.Star) for item in select.expressions)
    if star and select.args.get("from_") is None and select.find_ancestor(exp.Lateral) is not None:
        raise unsupported("a star in LATERAL (SELECT ...) without FROM", "Name the columns.")


def check_order(query: Any) -> None:
    """Look at the positions in ORDER BY and SORT BY of a SELECT, or of a UNION and its kin, and at its LIMIT.

    Raises:
        SparkError: ORDER_BY_POS_OUT_OF_RANGE, INVALID_LIMIT_LIKE_EXPRESSION.
    """
    _limits(query)
    for clause in ("order", "sort"):
        terms = query.args[clause].expressions if query.args.get(clause) else []
        _positions(query, "ORDER BY", [getattr(term, "this", term) for term in terms])


def _limits(query: Any) -> None:
    """A LIMIT without a number is all rows to the engine."""
    from sqlglot import exp

    for clause in ("limit", "offset"):
        value = getattr(query.args.get(clause), "expression", None)
        text, kind = f'The {clause} like expression "{value}" is invalid.', "DATA_TYPE"
        if isinstance(value, exp.Cast):
            value, kind = value.this, "IS_NULL"
        if isinstance(value, exp.Null):
            text += f" The {clause} expression must be an integer, and not null."
            raise SparkError(f"INVALID_LIMIT_LIKE_EXPRESSION.{kind}", text, sql_state="42K0E")


def _has_star(select: Any) -> bool:
    """Whether a SELECT has more columns than items."""
    from sqlglot import exp

    return any(
        item.is_star or isinstance(item, exp.Star | exp.Aliases) or generators(item) for item in select.expressions
    )


def check_ctes(ctes: Any) -> None:
    """Look at the names of a WITH.

    Raises:
        SparkError: DUPLICATED_CTE_NAMES.
    """
    names = [cte.alias.lower() for cte in ctes.expressions]
    twice = list(dict.fromkeys(name for name in names if names.count(name) > 1))
    if twice:
        listed = ", ".join(f"`{name}`" for name in twice)
        text = f"CTE definition can't have duplicate names: {listed}."
        raise SparkError("DUPLICATED_CTE_NAMES", text, kind=PARSE, sql_state="42602")
    for cte in ctes.expressions:
        if _is_random(cte.this) and _uses(ctes.parent, cte) > 1:
            what = f"the use of {cte.alias}, a common table expression with random values, in several places"
            raise unsupported(what, "Keep its rows with CREATE TABLE ... AS first.")


def _is_random(query: Any) -> bool:
    """Whether it has other values each time that it is computed."""
    from sqlglot import exp

    found = [one for one in query.find_all(exp.Func) if function_name(one) in RANDOM]
    return any(function_name(one) in {"uuid", "shuffle"} or not list(one.iter_expressions()) for one in found)


def _uses(query: Any, cte: Any) -> int:
    """How often a query reads a CTE of it."""
    from sqlglot import exp

    tables = (one for one in query.find_all(exp.Table) if not one.args.get("db"))
    return sum(one.name.lower() == cte.alias.lower() for one in tables if one.find_ancestor(exp.CTE) is not cte)


def _generators(select: Any) -> None:
    """A generator is a whole item of a select list, and stands nowhere else."""
    from sqlglot import exp

    for item in select.expressions:
        whole = item.this if isinstance(item, exp.Alias | exp.Aliases) else item
        inner = whole.iter_expressions() if is_generator(whole) else [whole]
        if any(is_generator(node) for part in inner for node in _own(part)):
            text = f'The generator is not supported: nested in expressions "{whole.sql(dialect="databricks")}".'
            raise SparkError("UNSUPPORTED_GENERATOR.NESTED_IN_EXPRESSIONS", text, sql_state="42K0E")
    for clause, name in (("where", "Filter"), ("having", "Filter"), ("order", "Sort"), ("group", "Aggregate")):
        found = select.args.get(clause)
        if found is not None and any(map(is_generator, _own(found))):
            text = f"The generator is not supported: outside the SELECT clause, found: {name}."
            raise SparkError("UNSUPPORTED_GENERATOR.OUTSIDE_SELECT", text, sql_state="42K0E")


def _counts(select: Any) -> None:
    """`count(t.*)` counts rows without nulls in Spark, which does not allow it; some functions take no DISTINCT."""
    from sqlglot import exp

    for one in (node for item in select.expressions for node in _own(item)):
        _delimiter(one)
        if isinstance(one, exp.Distinct) and (name := function_name(one.parent)) in SORTED:
            text = f"Invalid function `{name}` with WITHIN GROUP. The function does not support DISTINCT."
            raise SparkError("INVALID_WITHIN_GROUP_EXPRESSION.DISTINCT_UNSUPPORTED", text, sql_state="42K0K")
        holder = one.parent
        if (
            isinstance(one, exp.Column)
            and one.is_star
            and isinstance(holder, exp.Func)
            and function_name(holder) == "count"
        ):
            if holder.expressions[isinstance(holder, exp.Anonymous) :]:
                raise unsupported("a star among several arguments of count()", "Name the columns.")
            text = f"count({one.parts[0].name}.*) is not allowed. Please use count(*) or name the columns."
            raise SparkError("INVALID_USAGE_OF_STAR_WITH_TABLE_IDENTIFIER_IN_COUNT", text, sql_state="42000")


def _delimiter(call: Any) -> None:
    """What stands between the values of a list is the same between all."""
    from sqlglot import exp

    if not isinstance(call, exp.Func) or function_name(call) not in LISTS:
        return
    given = [
        one for each in call.iter_expressions() for one in (each.expressions if each.key == "distinct" else [each])
    ]
    if len(given) > 1 and given[1].find(exp.Column) is not None:
        raise not_foldable(given[1].sql(dialect="databricks"))


def not_foldable(text: str) -> SparkError:
    """The error for a delimiter that is no constant."""
    text = f'Cannot resolve `listagg`: the input `delimiter` should be a foldable expression, but it is "{text}".'
    return SparkError("DATATYPE_MISMATCH.NON_FOLDABLE_INPUT", f"{text} Write a literal.", sql_state="42K09")


def _own(node: Any) -> Iterator[Any]:
    """The nodes of an expression, without those of subqueries in it."""
    from sqlglot import exp

    yield from node.walk(prune=lambda one: isinstance(one, exp.Query))


def _positions(query: Any, clause: str, keys: Iterable[Any]) -> None:
    from sqlglot import exp

    numbers = [number for key in keys if (number := _number(key)) is not None]
    while isinstance(query, exp.SetOperation | exp.Subquery):
        query = query.this
    if not numbers or not isinstance(query, exp.Select):
        return
    items = query.expressions
    stars = [item for item in items if item.is_star]
    if stars and clause == "GROUP BY":
        text = "Star (*) is not allowed in a select list when GROUP BY an ordinal position is used."
        raise SparkError("STAR_GROUP_BY_POS", text, sql_state="0A000")
    last = "the number of columns" if _has_star(query) else len(items)
    for number in numbers:
        if number < 1 or (isinstance(last, int) and number > last):
            raise SparkError(
                f"{clause.replace(' ', '_')}_POS_OUT_OF_RANGE",
                f"{clause} position {number} is not in select list (valid range is [1, {last}]).",
                sql_state="42805",
            )


def _number(key: Any) -> int | None:
    """The position that a key is, which may be negative by mistake."""
    from sqlglot import exp

    if isinstance(key, exp.Neg):
        number = _number(key.this)
        return None if number is None else -number
    return int(key.name) if isinstance(key, exp.Literal) and not key.is_string and key.name.isdigit() else None


def _keys(keys: Iterable[Any]) -> None:
    from sqlglot import exp

    for key in keys:
        found = next((one for one in key.find_all(exp.AggFunc) if not one.find_ancestor(exp.Window)), None)
        found = found or next(iter(aggregates(key)), None)
        if found is not None and found.find_ancestor(exp.Select) is key.find_ancestor(exp.Select):
            raise SparkError(
                "GROUP_BY_AGGREGATE",
                f"Aggregate functions are not allowed in GROUP BY, but found {found.sql(dialect='databricks')}.",
                sql_state="42903",
            )
