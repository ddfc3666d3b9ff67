"""UPDATE, DELETE and MERGE: Sail runs them, the table's log says how many rows they changed."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyspark.sql.connect.proto import base_pb2

from brickyard.workspace.compute.gateway import feed, literals
from brickyard.workspace.compute.gateway.commits import commits_since, latest
from brickyard.workspace.compute.gateway.conflicts import settled
from brickyard.workspace.compute.gateway.copies import through_copy
from brickyard.workspace.compute.gateway.errors import unsupported
from brickyard.workspace.compute.gateway.feed import changes as feed_changes
from brickyard.workspace.compute.gateway.feed.stars import spelled
from brickyard.workspace.compute.gateway.filling import Filled, by_name, filled_columns
from brickyard.workspace.compute.gateway.lengths import limits
from brickyard.workspace.compute.gateway.log import Metadata
from brickyard.workspace.compute.gateway.names import quote
from brickyard.workspace.compute.gateway.properties import need_removable
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.sqltext import Cursor, Edit, parse, splice
from brickyard.workspace.compute.gateway.statements.assignments import cast_values
from brickyard.workspace.compute.gateway.statements.conditions import evaluable
from brickyard.workspace.compute.gateway.statements.default_words import says_default
from brickyard.workspace.compute.gateway.statements.describe import target
from brickyard.workspace.compute.gateway.statements.filled_changes import Target, spell_out
from brickyard.workspace.compute.gateway.statements.filled_merges import (
    NUMBER,
    Merge,
    number_of,
    numbered,
    read_merge,
    without_stars,
)
from brickyard.workspace.compute.gateway.statements.guarded import guarded
from brickyard.workspace.compute.gateway.statements.subqueries import as_merge, has_subquery
from brickyard.workspace.compute.gateway.turns import turn
from brickyard.workspace.compute.gateway.unity import Table
from brickyard.workspace.compute.gateway.values.spans import parse_spans, span

__all__ = ["RESULTS", "change"]

#: The setting that lets each MERGE of a session add columns.
AUTO_MERGE = "spark.databricks.delta.schema.autoMerge.enabled"
#: Name of the statement -> columns of its result, with the metrics of the commit that they add up.
RESULTS: dict[str, dict[str, tuple[str, ...]]] = {
    "UPDATE": {"num_affected_rows": ("numUpdatedRows", "numTargetRowsUpdated")},
    "DELETE": {"num_affected_rows": ("numDeletedRows", "numTargetRowsDeleted")},
    "MERGE": {
        "num_affected_rows": ("numTargetRowsUpdated", "numTargetRowsDeleted", "numTargetRowsInserted"),
        "num_updated_rows": ("numTargetRowsUpdated",),
        "num_deleted_rows": ("numTargetRowsDeleted",),
        "num_inserted_rows": ("numTargetRowsInserted",),
    },
}


def change(cursor: Cursor, session: Session) -> Any:
    """Run the statement once, and give the counts that Databricks gives."""
    what = cursor.next().text.upper()
    evolves, sql = _evolution(cursor, session) if what == "MERGE" else (False, cursor.sql)
    _ = cursor.take("FROM") or cursor.take("INTO")
    start = cursor.position
    place, table = target(cursor, session, write=True, rows=False)
    hidden = table if table is not None and table.policies else None
    before = latest(place)
    if what != "MERGE":
        need_removable(place)
    if not session.sail.capabilities.is_spark:
        named = _Named((start, cursor.position), place, hidden)
        done, metrics = _changed(session, sql, named, evolves=evolves)
        if metrics is not None:
            return _answer(what, metrics)
    else:
        done = what
        filled_columns(place)  # refused where rules of the table are queries
        _ = table and table.place  # refused where the user gets only some of the rows
        _run(session, _resolved(session, sql), place, evolves=evolves)
    commits = [metrics for operation, metrics in commits_since(place, before) if operation == done]
    return _answer(what, commits[-1] if commits else {})


@dataclass(frozen=True)
class _Named:
    """The table that a statement changes.

    Args:
        tokens: Which tokens of the statement are its name.
        place: Where it is.
        hidden: It, if its user gets only some of its rows and values.
    """

    tokens: tuple[int, int]
    place: Path
    hidden: Table | None


def _changed(session: Session, sql: str, table: _Named, *, evolves: bool) -> tuple[str, Mapping[str, Any] | None]:
    """Run the statement on Sail; the operation that its commit says, or the metrics that it would.

    Args:
        session: The session.
        sql: The statement.
        table: The table that it changes.
        evolves: Whether a MERGE adds the source's columns.
    """
    done, place, own = Cursor(sql).next().text.upper(), table.place, ""
    filled = filled_columns(place)
    spelled = bool(filled) or says_default(sql)
    if table.hidden is not None:
        seen = guarded(sql, session, table.hidden)
        sql, own = (sql, f"own_{secrets.token_hex(8)}") if seen is None else (seen, "")
    if done == "UPDATE" and spelled and not own:
        sql = spell_out(sql, Target(_fields(session, place), filled))
    if own or has_subquery(parse(sql)):
        sql, done = _chosen(session, sql, table, own), "MERGE"
    if done == "MERGE" and spelled:
        sides = read_merge(sql) if own else _merge(session, sql, place, evolves=evolves)
        if any(column.identity for column in filled.values()):
            _count(session, sides, table, own)
            return done, None
        sql, evolves = spell_out(sides.sql, Target(_fields(session, place), filled, sides.target)), False
    text = _resolved(session, sql, table.hidden, own)
    if feed.records(place):
        return done, feed_changes.change(session, place, text, evolves=evolves)
    if done == "DELETE":
        text = evaluable(text)
        done = Cursor(text).next().text.upper()
    _run(session, _cast(session, text, place, evolves=evolves), place, evolves=evolves)
    return done, None


def _answer(what: str, metrics: Mapping[str, Any]) -> Any:
    """The row of counts that the metrics of a commit add up to."""
    counts = {name: sum(int(metrics.get(key, 0)) for key in keys) for name, keys in RESULTS[what].items()}
    return literals.rows(dict.fromkeys(counts, pa.int64()), [list(counts.values())])


def _chosen(session: Session, sql: str, table: _Named, own: str) -> str:
    """The same as a MERGE."""
    cursor = Cursor(sql)
    what, cursor.position = cursor.next().text.upper(), table.tokens[1]
    return as_merge(cursor, what, cursor.since(table.tokens[0]), session.schema_of(table.place), own)


def _fields(session: Session, place: Path) -> dict[str, Any]:
    return {field.name.lower(): field for field in session.schema_of(place).fields}


def _resolved(session: Session, sql: str, changed: Table | None = None, own: str = "") -> str:
    return replace(session.rewriter(), changed=changed, own=own).rewrite(sql, parse(sql))


def _cast(session: Session, text: str, place: Path, *, evolves: bool = False) -> str:
    """The statement with values of the columns' types."""
    probe, longest = session.rewriter().probe, limits(place)
    if probe is None:
        return text
    fields = session.schema_of(place).fields
    if longest and not evolves and Cursor(text).peek() == "MERGE":
        text = spelled(text, session, [field.name for field in fields], evolves=False).sql
    return cast_values(text, fields, probe, longest)


def _run(session: Session, text: str, place: Path, *, evolves: bool) -> None:
    plan = base_pb2.Plan(root=session.with_text(_evolving(text) if evolves else text))
    settled(place, lambda: session.sail.execute(session.key, plan))


def _evolving(text: str) -> str:
    end = Cursor(text).tokens[0].end + 1
    return f"{text[:end]} WITH SCHEMA EVOLUTION{text[end:]}"


def _merge(session: Session, sql: str, place: Path, *, evolves: bool) -> Merge:
    """MERGE into a table with columns that are filled by themselves, without stars."""
    merge = read_merge(sql)
    source = session.relation(f"SELECT * FROM {merge.sql[slice(*merge.using)]}")
    columns = session.schema(source).names
    return without_stars(merge, _fields(session, place), columns, evolves=evolves)


def _count(session: Session, merge: Merge, table: _Named, own: str) -> None:
    """Run a MERGE into a table with identity columns, in a copy of it."""
    place = table.place
    fields = _fields(session, place)

    def work(copy: Path, found: Metadata) -> None:
        counted = _counted(merge, fields, by_name(found.fields))
        text = _cast(session, _resolved(session, counted, table.hidden, own), place)
        _run(session, _aimed(text, session.places.text(copy)), copy, evolves=False)

    def marks(copy: Path, found: Metadata) -> dict[str, int | None]:
        columns = by_name(found.fields)
        used = NUMBER in _counted(merge, fields, columns).partition(NUMBER)[2]
        counted = [column for column in columns.values() if column.identity] if used else []
        return {column.name: _mark(session, column, (place, found.version), copy) for column in counted}

    with turn(session.places.mapper.data, place):
        through_copy(place, session.staged, work, plain=True, files=True, marks=marks)


def _counted(merge: Merge, fields: Mapping[str, Any], filled: Mapping[str, Filled]) -> str:
    """The statement with numbers for the rows that it inserts."""
    numbers = {name: number_of(merge, column) for name, column in filled.items() if column.identity}
    text = spell_out(merge.sql, Target(fields, filled, merge.target, numbers))
    return numbered(Merge(text, merge.target, merge.source, merge.using))


def _aimed(text: str, place: str) -> str:
    """The statement with another table as the one that is changed."""
    start, end = span(parse_spans(text).this) or (0, 0)
    table = Cursor(text[start:end])
    table.name()
    last = start + table.tokens[table.position - 1].end + 1
    return splice(text, [Edit(start, last, f"delta.{quote(place)}")])


def _mark(session: Session, column: Filled, before: tuple[Path, int], copy: Path) -> int | None:
    """The last number of an identity column: of the rows that the copy has more than the table had."""
    sign, last, name = (">", "max", column.name) if column.step > 0 else ("<", "min", column.name)
    base = column.start - column.step if column.mark is None else column.mark
    old = f"delta.{quote(session.places.text(before[0]))} VERSION AS OF {before[1]}"
    new = f"delta.{quote(session.places.text(copy))}"
    rows, known = (f"SELECT {quote(name)} AS k FROM {table} WHERE {quote(name)} {sign} {base}" for table in (new, old))
    found = session.sail.query(session.key, f"SELECT {last}(k) FROM ({rows} EXCEPT ALL {known})")
    number: int | None = None if found is None else found.column(0)[0].as_py()
    return column.mark if number is None else number


def _evolution(cursor: Cursor, session: Session) -> tuple[bool, str]:
    """Whether a MERGE adds the source's columns to the table; and the statement without what says so."""
    begin = cursor.position
    if cursor.take("WITH", "SCHEMA", "EVOLUTION"):
        start, end = cursor.tokens[begin].start, cursor.tokens[cursor.position - 1].end + 1
        return True, cursor.sql[:start] + " " * (end - start) + cursor.sql[end:]
    if cursor.peek() == "WITH":
        raise unsupported("MERGE WITH this clause", "Use MERGE INTO ... USING ...")
    return session.setting(AUTO_MERGE).lower() == "true", cursor.sql
