"""TABLESAMPLE: Sail samples a part of a subquery; rows are LIMIT, buckets a share."""

from __future__ import annotations

from typing import Any

from brickyard.workspace.compute.gateway.errors import PARSE, SparkError, unsupported
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
    share = _share(clause)
    sampled = exp.Subquery(this=rows)
    sampled.set("sample", exp.TableSample(percent=exp.Literal.number(share), seed=clause.args.get("seed")))
    return derived(exp.Select(expressions=[exp.Star()], from_=exp.From(this=sampled)), name)


def _share(clause: Any) -> float:
    """The percentage of rows that are wanted."""
    parts = [clause.args.get(name) for name in ("percent", "bucket_numerator", "bucket_denominator")]
    numbers = [float(part.name) for part in parts if part is not None]
    if not numbers:
        text = "TABLESAMPLE does not accept empty inputs. Give a number of rows, a percentage or a bucket."
        raise SparkError("_LEGACY_ERROR_TEMP_0014", text, kind=PARSE)
    share = numbers[0] if len(numbers) == 1 else 100 * numbers[0] / numbers[1]
    if not 0 <= share <= 100:
        text = f"Sampling fraction ({share / 100}) must be on interval [0, 1]."
        raise SparkError("_LEGACY_ERROR_TEMP_0064", text, kind=PARSE)
    return share
