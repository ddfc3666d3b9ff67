"""Which functions aggregate."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

__all__ = ["aggregates", "generators", "is_generator"]

AGGREGATES = frozenset(
    [
        "any",
        "any_value",
        "approx_count_distinct",
        "approx_percentile",
        "approx_top_k",
        "array_agg",
        "avg",
        "bit_and",
        "bit_or",
        "bit_xor",
        "bitmap_construct_agg",
        "bitmap_or_agg",
        "bool_and",
        "bool_or",
        "collect_list",
        "collect_set",
        "corr",
        "count",
        "count_if",
        "count_min_sketch",
        "covar_pop",
        "covar_samp",
        "every",
        "first",
        "first_value",
        "grouping",
        "grouping_id",
        "histogram_numeric",
        "hll_sketch_agg",
        "hll_union_agg",
        "kurtosis",
        "last",
        "last_value",
        "listagg",
        "max",
        "max_by",
        "mean",
        "median",
        "min",
        "min_by",
        "mode",
        "percentile",
        "percentile_approx",
        "percentile_cont",
        "percentile_disc",
        "regr_avgx",
        "regr_avgy",
        "regr_count",
        "regr_intercept",
        "regr_r2",
        "regr_slope",
        "regr_sxx",
        "regr_sxy",
        "regr_syy",
        "schema_of_json_agg",
        "schema_of_variant_agg",
        "skewness",
        "some",
        "std",
        "stddev",
        "stddev_pop",
        "stddev_samp",
        "string_agg",
        "sum",
        "try_avg",
        "try_sum",
        "var_pop",
        "var_samp",
        "variance",
        "vector_avg",
        "vector_sum",
    ]
)
GENERATORS = frozenset(
    [
        "explode",
        "explode_outer",
        "posexplode",
        "posexplode_outer",
        "inline",
        "inline_outer",
        "stack",
        "json_tuple",
        "variant_explode",
    ]
)


def aggregates(item: Any) -> Iterator[Any]:
    """The aggregate functions of an expression; those over a window, and those in a subquery, do not count."""
    from sqlglot import exp

    if isinstance(item, exp.Query):
        return
    if isinstance(item, exp.Window):
        inner = list(item.args.get("partition_by") or []) + [item.args.get("order")] * bool(item.args.get("order"))
        for part in [*inner, *_inside(item.this)]:
            yield from aggregates(part)
        return
    if isinstance(item, exp.AggFunc) or (isinstance(item, exp.Func) and function_name(item) in AGGREGATES):
        yield item
    for child in item.iter_expressions():
        yield from aggregates(child)


def _inside(function: Any) -> list[Any]:
    """The arguments of a window function, below FILTER and IGNORE NULLS."""
    from sqlglot import exp

    while isinstance(function, exp.Filter | exp.IgnoreNulls | exp.RespectNulls):
        function = function.this
    return list(function.iter_expressions())


def generators(item: Any) -> bool:
    """Whether the expression makes several rows of one."""
    return any(map(is_generator, item.walk()))


def is_generator(node: Any) -> bool:
    """Whether it is a function that makes several rows of one."""
    from sqlglot import exp

    return isinstance(node, exp.Func) and (isinstance(node, exp.UDTF) or function_name(node) in GENERATORS)


def function_name(node: Any) -> str:
    """The function's name in lower case."""
    from sqlglot import exp

    return str(node.name if isinstance(node, exp.Anonymous) else node.key).lower()
