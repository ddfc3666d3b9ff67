"""TABLESAMPLE: Sail samples a part of a subquery; rows are LIMIT, buckets a share."""

from __future__ import annotations

from typing import Any

from brickyard.workspace.compute.gateway.errors import unsupported
from brickyard.workspace.compute.gateway.sugar.scope import derived, sources
from brickyard.workspace.compute.gateway.sugar.tree import replace, touch

__all__ = ["sample"]


def sample(select: Any) -> None:
    """Rewrite the samples in the inputs of a SELECT."""
    from sqlglot import exp

    trailing = select.args.get("sample")
    found = list(sources(select))
    if trailing is not None:
        select.set("sample", None)
        found[0].set("sample", trailing)
        touch(found[0])
        if len(found) > 1:
            raise unsupported("TABLESAMPLE after an alias in a join", "Sample in a subquery.")
    for source in found:
        clause = source.args.get("sample")
        if clause is None or not isinstance(source, exp.Table | exp.Subquery):
            continue
        source.set("sample", None)
        touch(source)
        name = source.alias_or_name or "_sample"
        replace(source, _sampled(source.copy(), clause, name))


def _sampled(source: Any, clause: Any, name: str) -> Any:
    from sqlglot import exp

    rows = exp.Select(expressions=[exp.Star()], from_=exp.From(this=source))
    size = clause.args.get("size")
    if size is not None:
        rows.set("limit", exp.Limit(expression=size.copy()))
        return derived(rows, name)
    if clause.args.get("percent") is not None:
        share = float(clause.args["percent"].name)
    else:
        share = 100 * float(clause.args["bucket_numerator"].name) / float(clause.args["bucket_denominator"].name)
    sampled = exp.Subquery(this=rows)
    sampled.set("sample", exp.TableSample(percent=exp.Literal.number(share), seed=clause.args.get("seed")))
    return derived(exp.Select(expressions=[exp.Star()], from_=exp.From(this=sampled)), name)
