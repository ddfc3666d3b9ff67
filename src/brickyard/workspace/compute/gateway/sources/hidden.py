"""The column `_metadata` of files in data frames: there for whoever names it, and no part of `*`.

Source: https://docs.databricks.com/aws/en/ingestion/file-metadata-column
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from pyspark.sql.connect.proto import relations_pb2

from brickyard.workspace.compute.gateway.file_queries import FILE_NAME, FILE_PATH, METADATA
from brickyard.workspace.compute.gateway.names import quote

__all__ = ["asked_for", "hide", "name_paths", "of_files"]

#: Relations whose columns are those of their input, and more.
PASSING = frozenset(
    {
        "drop",
        "drop_na",
        "fill_na",
        "filter",
        "hint",
        "limit",
        "offset",
        "repartition",
        "sample",
        "sort",
        "subquery_alias",
        "tail",
        "with_columns",
        "with_columns_renamed",
    }
)


def asked_for(parts: Iterable[Any]) -> bool:
    """Whether one of the expressions names `_metadata`."""
    return any(_names(part) for part in parts if part.DESCRIPTOR.name == "Expression")


def name_paths(parts: Sequence[Any]) -> bool:
    """Replace `input_file_name()`, in place, if nothing but files is read; whether it was there."""
    calls = [part for part in parts if part.DESCRIPTOR.name == "Expression" and _is_call(part)]
    relations = [part for part in parts if part.DESCRIPTOR.name == "Relation"] if calls else []
    read = [one for one in relations if one.WhichOneof("rel_type") in {"read", "sql"}]
    if not read or len(of_files(relations)) < len(read):
        return False
    columns = {id(column) for one in relations for column in one.project.expressions}
    for call in calls:
        call.Clear()
        if id(call) in columns:
            call.alias.name.append(f"{FILE_NAME}()")
        (call.alias.expr if id(call) in columns else call).expression_string.expression = FILE_PATH
    return True


def _is_call(expression: Any) -> bool:
    return bool(expression.unresolved_function.function_name.lower() == FILE_NAME)


def _names(expression: Any) -> bool:
    name = expression.unresolved_attribute.unparsed_identifier.lower().replace("`", "")
    return name.split(".")[0] == METADATA or METADATA in expression.expression_string.expression.lower()


def of_files(parts: Iterable[Any]) -> set[int]:
    """The ids of the relations that read files which have `_metadata`."""
    return {
        id(part)
        for part in parts
        if part.DESCRIPTOR.name == "Relation"
        and part.read.HasField("data_source")
        and part.read.data_source.format.lower() not in {"", "delta"}
    }


def hide(message: Any, files: set[int], columns: Callable[[Any], list[str]]) -> None:
    """Take `_metadata` out of what the relations below a message give, where it was not named.

    Args:
        message: Has resolved relations.
        files: The ids of those that have the column.
        columns: The names of a relation's columns.
    """
    for top in [message] if message.DESCRIPTOR.name == "Relation" else list(_relations(message)):
        if _carries(top, files, columns):
            _drop(top)


def _carries(relation: Any, files: set[int], columns: Callable[[Any], list[str]]) -> bool:
    """Whether a relation gives the hidden column."""
    if id(relation) in files:
        return True
    kind = relation.WhichOneof("rel_type")
    inputs = list(_relations(getattr(relation, kind))) if kind else []
    carrying = [one for one in inputs if _carries(one, files, columns)]
    if kind in PASSING:
        return bool(carrying)
    if kind == "project" and carrying:
        _spell_out(relation.project, [name for name in columns(carrying[0]) if name != METADATA])
    elif kind != "aggregate":
        for one in carrying:
            _drop(one)
    return False


def _relations(message: Any) -> Iterator[Any]:
    """The nearest relations below a message."""
    for field, value in message.ListFields():
        if field.message_type is None or field.message_type.GetOptions().map_entry:
            continue
        for child in value if field.is_repeated else [value]:
            if child.DESCRIPTOR.name == "Relation":
                yield child
            else:
                yield from _relations(child)


def _spell_out(project: Any, names: list[str]) -> None:
    """Name the columns that `*` stands for."""
    kept = []
    for expression in project.expressions:
        if expression.HasField("unresolved_star") and not expression.unresolved_star.HasField("unparsed_target"):
            for name in names:
                column = type(expression)()
                column.unresolved_attribute.unparsed_identifier = quote(name)
                kept.append(column)
        else:
            kept.append(expression)
    given = [type(one).FromString(one.SerializeToString()) for one in kept]
    del project.expressions[:]
    project.expressions.extend(given)


def _drop(relation: Any) -> None:
    inner = relations_pb2.Relation()
    inner.CopyFrom(relation)
    inner.common.ClearField("plan_id")
    common = relations_pb2.RelationCommon()
    common.CopyFrom(relation.common)
    relation.drop.input.CopyFrom(inner)
    relation.drop.column_names.append(METADATA)
    relation.common.CopyFrom(common)
