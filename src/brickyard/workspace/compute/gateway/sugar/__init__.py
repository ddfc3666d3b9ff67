"""SQL of Databricks that Sail lacks, rewritten on the tree into SQL that Sail runs; before names are resolved."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from brickyard.workspace.compute.gateway import sqltext
from brickyard.workspace.compute.gateway.sugar.bare_calls import columns_first
from brickyard.workspace.compute.gateway.sugar.bindings import Bindings, bind_functions, bind_variables
from brickyard.workspace.compute.gateway.sugar.builtins import rewrite_builtins
from brickyard.workspace.compute.gateway.sugar.checks import check_ctes, check_order, check_select, check_window
from brickyard.workspace.compute.gateway.sugar.conditions import conditions
from brickyard.workspace.compute.gateway.sugar.generated import generate_above
from brickyard.workspace.compute.gateway.sugar.grouping_ids import keys_in_sets, same_ids
from brickyard.workspace.compute.gateway.sugar.groups import (
    group_by_all,
    has_grouped_star,
    order_by_all,
    spell_keys,
    whole_sets,
    without_groups_of_nothing,
)
from brickyard.workspace.compute.gateway.sugar.guards import guard
from brickyard.workspace.compute.gateway.sugar.having import qualify_keys
from brickyard.workspace.compute.gateway.sugar.inline import cast_values, has_several_types
from brickyard.workspace.compute.gateway.sugar.joins import whole_joins
from brickyard.workspace.compute.gateway.sugar.keys import order_by_position
from brickyard.workspace.compute.gateway.sugar.labels import label, ordered
from brickyard.workspace.compute.gateway.sugar.laterals import unname_laterals
from brickyard.workspace.compute.gateway.sugar.map_keys import check_map_keys
from brickyard.workspace.compute.gateway.sugar.memberships import memberships
from brickyard.workspace.compute.gateway.sugar.names import lateral_aliases
from brickyard.workspace.compute.gateway.sugar.needs import needed, needed_in
from brickyard.workspace.compute.gateway.sugar.pipes import unpipe
from brickyard.workspace.compute.gateway.sugar.pivots import pivot
from brickyard.workspace.compute.gateway.sugar.qualify import order_below, qualify
from brickyard.workspace.compute.gateway.sugar.ranges import date_ranges
from brickyard.workspace.compute.gateway.sugar.recursion import Runner, unroll, without_levels
from brickyard.workspace.compute.gateway.sugar.samples import sample
from brickyard.workspace.compute.gateway.sugar.scope import Scope, selects
from brickyard.workspace.compute.gateway.sugar.single_rows import keep_totals, mend_doubtful, tests_of_totals
from brickyard.workspace.compute.gateway.sugar.sorted_lists import exact_percentiles, sorted_lists
from brickyard.workspace.compute.gateway.sugar.stars import expand_stars
from brickyard.workspace.compute.gateway.sugar.tree import parse, render, touch
from brickyard.workspace.compute.gateway.sugar.unions import widen, without_intersect_all
from brickyard.workspace.compute.gateway.sugar.using import whole_stars

__all__ = ["bound", "expand", "item"]


def expand(
    sql: str,
    ask: Callable[[str], Any],
    tree: Any = None,
    bindings: Bindings | None = None,
    plain: Callable[[str], Any] | None = None,
    runner: Runner | None = None,
) -> tuple[str, Any]:
    """The statement without what Sail cannot run, or the same text and its tree if there is nothing of that kind.

    Args:
        sql: One statement, or a part of one that is a query.
        ask: The `StructType` of a query that needs no further rewriting here.
        tree: The statement as `sqltext.parse` reads it, if it is known.
        bindings: Variables and functions that the statement can use.
        plain: The same as `ask`, for queries in which nothing has to be looked for any more.
        runner: Runs the steps of recursive queries.

    Raises:
        SparkError: PARSE_SYNTAX_ERROR, or a construct that cannot be rewritten.
    """
    bindings = bindings or Bindings()
    if bindings.functions is not None:
        bindings.functions.check_view(sql)
    wanted = needed(sql, bindings.words)
    if not wanted:
        tree = tree if tree is not None else sqltext.parse(sql)
        if not (needed_in(sql) or bindings.calls_in(tree)):
            return sql, tree
    sql, levels = without_levels(sql) if "RECURSIVE" in wanted else (sql, 0)
    tree, scope = parse(unpipe(sql) if "|>" in wanted else sql), Scope(ask, plain=plain)
    if levels:
        unroll(tree, levels, runner)
    columns_first(tree, scope)
    bind_functions(tree, bindings.functions, scope)
    columns_first(tree, scope)
    if bindings.functions is not None:
        rewrite_builtins(tree, bindings.functions.fact, bindings.functions.registered, scope)
    bind_variables(tree, bindings.variables, scope)
    return render(desugar(tree, scope, "FROM" in wanted, maps="MAP" in wanted)), None


def bound(sql: str, tree: Any, bindings: Bindings, ask: Callable[[str], Any]) -> tuple[str, Any]:
    """The statement with the session's variables and functions in it, for an engine that lacks nothing else.

    Args:
        sql: One statement, or a part of one that is a query.
        tree: The statement as `sqltext.parse` reads it.
        bindings: Variables and functions that the statement can use.
        ask: The `StructType` of a query.
    """
    words = {token.text.lower() for token in sqltext.tokenize(sql)} if bindings.words else set()
    if not (bindings.words & words or bindings.calls_in(tree)):
        return sql, tree
    tree, scope = parse(sql), Scope(ask)
    bind_functions(tree, bindings.functions, scope)
    bind_variables(tree, bindings.variables, scope)
    return render(tree), None


def item(sql: str, *, named: bool) -> str:
    """The only item of a SELECT without inputs, with its alias or without."""
    from sqlglot import exp

    found = parse(sql).expressions[0]
    return render(found.this if isinstance(found, exp.Alias) and not named else found)


def desugar(tree: Any, scope: Scope, reorder: bool = False, *, maps: bool = False) -> Any:
    """Rewrite a tree in place; `reorder`: it has queries that begin with FROM; `maps`: keys may be maps."""
    from sqlglot import exp

    queries = _checked(tree)
    for query in queries:
        if isinstance(query, exp.Select):
            sample(query)
            pivot(query, scope)
            unname_laterals(query, scope)
            _distribution(query)
            if reorder:
                touch(query)
    conditions(tree, scope)
    tests_of_totals(tree)
    memberships(tree, scope)
    for query in selects(tree):
        mend_doubtful(query, scope)
    scope.settled = True
    for rows in list(tree.find_all(exp.Values)):
        if has_several_types(rows):
            cast_values(rows, scope)
    for query in queries:
        if isinstance(query, exp.Select):
            _desugar_select(query, scope, maps=maps)
        else:
            widen(query, scope)
            order_by_all(query, scope)
    for change in tree.find_all(exp.Update, exp.Delete):
        guard(change)
    return without_intersect_all(tree)


def _checked(tree: Any) -> list[Any]:
    """The queries of a tree, of which none is wrong."""
    from sqlglot import exp

    for window in tree.find_all(exp.Window):
        ordered(window)
        check_window(window)
    for ctes in tree.find_all(exp.With):
        check_ctes(ctes)
    queries = selects(tree)
    for query in queries:
        if isinstance(query, exp.Select):
            check_select(query)
        else:
            check_order(query)
    return queries


def _desugar_select(select: Any, scope: Scope, *, maps: bool) -> None:
    """What of a SELECT can be rewritten once the queries in it are; each step finds what those before it have left."""
    whole_joins(select, scope)
    whole_stars(select, scope)
    expand_stars(select, scope, every=has_grouped_star(select))
    lateral_aliases(select, scope)
    label(select, scope)
    sorted_lists(select)
    exact_percentiles(select, scope)
    date_ranges(select, scope)
    group_by_all(select, scope)
    generate_above(select)
    if maps:
        check_map_keys(select, scope)
    keys_in_sets(select)
    spell_keys(select)
    qualify_keys(select, scope)
    whole_sets(select)
    same_ids(select)
    without_groups_of_nothing(select)
    order_by_all(select, scope)
    order_by_position(select)
    order_below(select, scope)
    qualify(select, scope)
    guard(select)
    keep_totals(select)


def _distribution(select: Any) -> None:
    """DISTRIBUTE BY moves rows between executors, of which there is one here; CLUSTER BY also sorts."""
    from sqlglot import exp

    cluster = select.args.get("cluster")
    if cluster is None and select.args.get("distribute") is None:
        return
    if cluster is not None:
        terms = [one if isinstance(one, exp.Ordered) else exp.Ordered(this=one) for one in cluster.expressions]
        select.set("sort", exp.Sort(expressions=terms))
    select.set("cluster", None)
    select.set("distribute", None)
    touch(select)
