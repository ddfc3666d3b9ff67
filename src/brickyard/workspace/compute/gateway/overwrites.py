"""What may be overwritten: the parts that `replaceWhere` names, and no option that would be ignored.

Source: https://docs.databricks.com/aws/en/delta/selective-overwrite
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

from pyspark.sql.connect.proto import base_pb2, relations_pb2

from brickyard.workspace.compute.gateway import feed, log
from brickyard.workspace.compute.gateway.checks import matching, need_settled
from brickyard.workspace.compute.gateway.copies import through_copy
from brickyard.workspace.compute.gateway.errors import SparkError, unsupported
from brickyard.workspace.compute.gateway.feed.overwrites import replace_recorded
from brickyard.workspace.compute.gateway.names import quote
from brickyard.workspace.compute.gateway.properties import need_removable
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.sqltext import parse
from brickyard.workspace.compute.gateway.statements.conditions import evaluable
from brickyard.workspace.compute.gateway.sugar.names import own_columns
from brickyard.workspace.compute.gateway.values.spans import parse_spans, span

__all__ = ["check", "replace_part", "row_condition"]

DYNAMIC = "spark.sql.sources.partitionOverwriteMode"
#: How many rows a commit has deleted, of DELETE and of MERGE.
DELETED = ("numDeletedRows", "numTargetRowsDeleted")


def check(session: Session, place: Path | None, options: Mapping[str, str], fixed: Iterable[str] = ()) -> bool:
    """Whether only the partitions that get rows are overwritten; refuses options that Sail would ignore.

    Args:
        session: The session that writes.
        place: The table that is overwritten, if one is.
        options: The write's options, their names in lower case.
        fixed: Partition columns, in lower case, for which a statement gives a value; with all of them there is one
            partition, which is overwritten also without rows.

    Raises:
        SparkError: UNSUPPORTED_BY_ENGINE.
    """
    mode = options.get("partitionoverwritemode", session.setting(DYNAMIC))
    whole = "replacewhere" in options or options.get("overwriteschema", "").lower() == "true"
    if place is None or mode.lower() != "dynamic" or whole:
        return False
    return not {name.lower() for name in _partitioned(place)} <= set(fixed)


def _partitioned(place: Path) -> list[str]:
    from deltalake import DeltaTable

    return list(DeltaTable(place).metadata().partition_columns)


def partitions_of(session: Session, rows: relations_pb2.Relation, place: Path) -> str | None:
    """A condition for the partitions that the rows are in; None without rows."""
    distinct = relations_pb2.Relation()
    distinct.deduplicate.all_columns_as_keys = True
    project = distinct.deduplicate.input.project
    project.input.CopyFrom(rows)
    names = _partitioned(place)
    for name in names:
        project.expressions.add().unresolved_attribute.unparsed_identifier = quote(name)
    found = session.sail.execute(session.key, base_pb2.Plan(root=distinct))
    if found is None or not found.num_rows:
        return None
    return " OR ".join(f"({_equal(names, row)})" for row in found.to_pylist())


def _equal(names: list[str], row: Mapping[str, Any]) -> str:
    """A condition for one partition; `row` has the columns in the order of `names`."""
    pairs = zip(names, row.values(), strict=True)
    return " AND ".join(f"{quote(name)} {_literal(value)}" for name, value in pairs)


def _literal(value: Any) -> str:
    if value is None:
        return "IS NULL"
    if isinstance(value, bool | int | float | Decimal):
        return f"= {str(value).lower()}"
    kind = {datetime: "TIMESTAMP ", date: "DATE "}.get(type(value), "")
    text = str(value).replace("\\", "\\\\").replace("'", "\\'")
    return f"= {kind}'{text}'"


def row_condition(session: Session, place: Path, condition: str, *, sql: bool) -> str:
    """A condition of rows as the engine can evaluate it, with what its functions and variables stand for.

    Args:
        session: The session that says it.
        place: The table whose rows it is about.
        condition: The condition.
        sql: Whether a statement says it, and not the option `replaceWhere`.

    Raises:
        SparkError: It looks at more than the row, or is not always the same.
    """
    need_settled(condition, sql=sql)
    used = _used(parse(f"SELECT {condition}"))
    kinds = {field.name: field.dataType.simpleString() for field in session.schema_of(place).fields}
    columns = [f"CAST(NULL AS {kind}) AS {quote(name)}" for name, kind in kinds.items() if name.lower() in used]
    text = session.rewriter().rewrite(f"SELECT ({condition}) AS c FROM (SELECT {', '.join(columns) or '1'})")
    tree = parse_spans(text)
    for name in _used(tree) - {name.lower() for name in kinds}:
        said = f"A column, variable, or function parameter with name {quote(name)} cannot be resolved. "
        near = f"Did you mean one of the following? [{', '.join(map(quote, kinds))}]."
        raise SparkError("UNRESOLVED_COLUMN.WITH_SUGGESTION", said + near, sql_state="42703")
    found = span(tree.expressions[0].this.unnest())
    if found is None:
        raise unsupported(f"the condition ({condition}) of rows that are replaced", "Use DELETE and INSERT.")
    return text[slice(*found)]


def _used(tree: Any) -> set[str]:
    """The columns, in lower case, that the first item of a query is computed of."""
    return {column.parts[0].name.lower() for column in own_columns(tree.expressions[0])}


def replace_part(
    session: Session,
    place: Path,
    fill: Callable[[Path], relations_pb2.Relation],
    condition: str | None = None,
    *,
    new: Iterable[dict[str, Any]] = (),
) -> None:
    """Replace the rows that match a condition, in one commit.

    Sail has an option for it, which fails for times and arrays (0.7.2): so rows are deleted and appended in a copy.

    Args:
        session: The session that writes.
        place: The table.
        fill: Gives the new rows as they fit the table at a place, to which it may add columns.
        condition: What is replaced, as `row_condition` gives it; without it, the partitions that the new rows are in.
        new: The columns that are added.
    """

    def where(rows: relations_pb2.Relation, at: Path) -> str | None:
        return condition or partitions_of(session, rows, at)

    need_removable(place)
    if session.sail.capabilities.is_spark:
        rows = fill(place)
        found = where(rows, place)
        if found is not None:
            session.write(matching(rows, found), place, "overwrite", options={"replaceWhere": found})
    elif feed.records(place):
        replace_recorded(session, place, fill, where, new)
    else:
        work = partial(_replace, session, fill, where)
        through_copy(place, session.staged, work, plain=False, files=True, told=partial(_told, condition))


def _replace(
    session: Session,
    fill: Callable[[Path], relations_pb2.Relation],
    where: Callable[[relations_pb2.Relation, Path], str | None],
    copy: Path,
    found: log.Metadata,
) -> None:
    rows = fill(copy)
    condition = where(rows, copy)
    if condition is not None:
        text = evaluable(f"DELETE FROM delta.{quote(session.places.text(copy))} WHERE {condition}")
        session.sail.execute(session.key, base_pb2.Plan(root=session.with_text(text)))
        session.write(matching(rows, condition), copy, "append")


def _told(condition: str | None, infos: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What the history says: of the deletion how many rows went, of the write all else."""
    written = next((info for info in infos if info.get("operation") == "WRITE"), infos[-1])
    known = [info.get("operationMetrics") or {} for info in infos]
    gone = [str(metrics[key]) for metrics in known for key in DELETED if key in metrics]
    said = {"mode": "Overwrite"} | ({} if condition is None else {"predicate": condition})
    metrics = (written.get("operationMetrics") or {}) | ({"numDeletedRows": gone[0]} if gone else {})
    told = {"operation": "WRITE", "operationParameters": said, "operationMetrics": metrics, "isBlindAppend": False}
    return {**written, **told}
