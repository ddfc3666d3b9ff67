"""What Sail says of a column that it does not find, in the words that Databricks has for the reason.

Only after an error is it asked what columns there are: a field of a struct that there is not, a column of another data
frame, and a join over a column that one side lacks are all the same to Sail.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from typing import Any

import grpc
from grpc_status import rpc_status

from brickyard.workspace.compute.gateway.errors import SparkError, no_shared_column, unsupported
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.values.probes import Asked, Question
from brickyard.workspace.compute.gateway.values.rules.types import fields
from brickyard.workspace.compute.gateway.values.scopes import scope_of
from brickyard.workspace.compute.gateway.values.spans import parse_spans

__all__ = ["check_drop", "explained"]

ATTRIBUTE = re.compile(r"attribute (ObjectName\(.*?\]\))")
SHARED = re.compile(r"\[UNRESOLVED_COLUMN\] Cannot find column (\S+)")
#: A column by its number that is missing among columns, none of which was computed.
NUMBERED = re.compile(r"No field named .*\"#\d+\".*Valid fields are [^(]*$", re.DOTALL)


@contextlib.contextmanager
def explained(message: Any, session: Session) -> Iterator[None]:
    """While a plan is prepared and run, say of a column that is not found why that is.

    Raises:
        SparkError: FIELD_NOT_FOUND, CANNOT_RESOLVE_DATAFRAME_COLUMN, UNRESOLVED_USING_COLUMN_FOR_JOIN or
            UNSUPPORTED_BY_ENGINE.
    """
    try:
        yield
    except grpc.RpcError as error:
        status = rpc_status.from_call(error)
        better = _better(status.message if status is not None else "", message, session)
        if better is None:
            raise
        raise better from error


def check_drop(relation: Any) -> None:
    """`a.drop(b.x)` drops a column of `a`, or is an error; Sail would leave out nothing."""
    known = _plans(relation.drop.input)
    for column in relation.drop.columns:
        _need_plan(column.unresolved_attribute, known)


def _better(text: str, message: Any, session: Session) -> SparkError | None:
    try:
        attribute, shared = ATTRIBUTE.match(text), SHARED.match(text)
        if attribute:
            parts = attribute[1].split('"')[1::2]
            _check_frames(message, parts[-1])
            _check_fields(message, parts, session)
        elif shared:
            _check_joins(message, shared[1].strip("`"), session)
        elif NUMBERED.match(text):
            _check_grouped(message)
    except SparkError as error:
        return error
    return None


def _check_grouped(message: Any) -> None:
    """Where nothing is grouped, Sail looked for the column of a query around a subquery in the subquery."""
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    queries = [relation.sql.query for relation in _walk(message, "Relation") if relation.HasField("sql")]
    with contextlib.suppress(SqlglotError):
        trees = [parse_spans(query) for query in queries]
        if trees and not any(tree.find(exp.Group) for tree in trees):
            raise unsupported(
                "this correlated subquery",
                "Use a join, or only equalities between its columns and those around it.",
            )


def _walk(message: Any, name: str) -> Iterator[Any]:
    """All messages of a type below one, itself too."""
    if message.DESCRIPTOR.name == name:
        yield message
    for field, value in message.ListFields():
        if field.message_type is None or field.message_type.GetOptions().map_entry:
            continue
        for child in value if field.is_repeated else [value]:
            yield from _walk(child, name)


def _plans(message: Any) -> set[int]:
    return {relation.common.plan_id for relation in _walk(message, "Relation")}


def _check_frames(message: Any, name: str) -> None:
    known = _plans(message)
    for attribute in _walk(message, "UnresolvedAttribute"):
        if attribute.unparsed_identifier.strip("`") == name:
            _need_plan(attribute, known)


def _need_plan(attribute: Any, known: set[int]) -> None:
    """Raise, unless the data frame that a column is of is among the inputs."""
    if attribute.HasField("plan_id") and attribute.plan_id not in known:
        raise SparkError(
            "CANNOT_RESOLVE_DATAFRAME_COLUMN",
            f'Cannot resolve dataframe column "{attribute.unparsed_identifier}". It\'s probably because of illegal '
            'references like `df1.select(df2.col("a"))`.',
            sql_state="42704",
        )


def _check_fields(message: Any, parts: Sequence[str], session: Session) -> None:
    if len(parts) < 2:
        return
    for relation in _walk(message, "Relation"):
        kind = relation.WhichOneof("rel_type")
        if kind == "sql":
            for question in _questions(relation.sql.query, parts):
                _need_field(parts, _fields(question.sql, session))
        elif kind in {"project", "filter", "sort", "aggregate", "with_columns"}:
            with contextlib.suppress(grpc.RpcError):
                _need_field(parts, session.fields(getattr(relation, str(kind)).input))


def _questions(sql: str, parts: Sequence[str]) -> Iterator[Question]:
    """What rows a column of a statement is looked for in."""
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    try:
        tree = parse_spans(sql)
    except SqlglotError:
        return  # a statement that only the gateway can read
    for column in tree.find_all(exp.Column, exp.Dot):
        names = [part.name for part in column.parts] if isinstance(column, exp.Column | exp.Dot) else []
        scope = scope_of(sql, column)
        if [name.lower() for name in names] == [part.lower() for part in parts] and scope is not None:
            yield Question(["*"], scope.ctes, scope.source)


def _fields(sql: str, session: Session) -> Asked:
    """The columns of a query whose names are resolved, or not yet."""
    for make in (session.with_text, session.relation):
        with contextlib.suppress(grpc.RpcError, SparkError):
            return session.fields(make(sql))
    return []


def _need_field(parts: Sequence[str], columns: Asked) -> None:
    """Raise if the first or second part is a struct that lacks one of the next."""
    kinds = {name.lower(): kind for name, kind in columns}
    at = next((at for at in (0, 1, 2) if len(parts) > at + 1 and parts[at].lower() in kinds), None)
    if at is None:
        return
    kind = kinds[parts[at].lower()]
    for name in parts[at + 1 :]:
        inside = {field.lower(): one for field, one in fields(kind.removeprefix("array<"))}
        if not inside:
            return
        if name.lower() not in inside:
            listed = ", ".join(f"`{one}`" for one in inside)
            raise SparkError("FIELD_NOT_FOUND", f"No such struct field `{name}` in {listed}.", sql_state="42704")
        kind = inside[name.lower()]


def _check_joins(message: Any, name: str, session: Session) -> None:
    from sqlglot import exp

    for relation in _walk(message, "Relation"):
        if relation.HasField("join") and name in relation.join.using_columns:
            for side in ("left", "right"):
                with contextlib.suppress(grpc.RpcError):
                    columns = [one for one, _ in session.fields(getattr(relation.join, side))]
                    if name.lower() not in {one.lower() for one in columns}:
                        raise no_shared_column(name, f"{side} side", columns)
        elif relation.HasField("sql"):
            joins = parse_spans(relation.sql.query).find_all(exp.Join)
            if any(name.lower() == one.name.lower() for join in joins for one in join.args.get("using") or []):
                raise no_shared_column(name, "one side")
