"""Files whose partitions or facts Sail does not tell: one relation for each group, with these as literals."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pyspark.sql.connect.proto import relations_pb2

from brickyard.workspace.compute.gateway.errors import unsupported
from brickyard.workspace.compute.gateway.places import Places
from brickyard.workspace.compute.gateway.sources.facts import facts_of
from brickyard.workspace.compute.gateway.sources.listing import Found
from brickyard.workspace.compute.gateway.values.partitions import NULL, partition_type, replace_columns

__all__ = ["united"]

#: So many relations go into one plan.
MOST = 500


def united(
    found: Found, read: Callable[[Sequence[Path]], Any], places: Places, types: Mapping[str, str], *, metadata: bool
) -> Any:
    """The rows of the files, with the columns of their partitions and, if asked for, `_metadata`.

    Args:
        found: The files.
        read: Reads files without columns that are in no file.
        places: Says what users call a file.
        types: Types of partition columns that the user gave; the others are inferred.
        metadata: Whether the rows get `_metadata`.

    Raises:
        SparkError: UNSUPPORTED_BY_ENGINE: they are too many.
    """
    groups: dict[Any, list[Path]] = {}
    for file, values in found.partitions.items():
        groups.setdefault((tuple(values.items()), file if metadata else None), []).append(file)
    if len(groups) > MOST:
        raise unsupported(f"_metadata or basePath of more than {MOST} files at once", "Read fewer files at a time.")
    kinds = {name: types.get(name.lower(), partition_type(values)) for name, values in found.values().items()}
    answer: Any = None
    for (pairs, _), files in groups.items():
        relation = read(files)
        columns = {name: _literal(dict(pairs).get(name), kind) for name, kind in kinds.items()}
        if metadata:
            columns["_metadata"] = _struct(facts_of(places, files[0]))
        replace_columns(relation, columns)
        answer = relation if answer is None else _union(answer, relation)
    return answer


def _union(one: Any, other: Any) -> Any:
    relation = relations_pb2.Relation()
    both = relation.set_op
    both.left_input.CopyFrom(one)
    both.right_input.CopyFrom(other)
    both.set_op_type = relations_pb2.SetOperation.SET_OP_TYPE_UNION
    both.is_all = both.by_name = both.allow_missing_columns = True
    return relation


def _text(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _literal(value: str | None, kind: str) -> str:
    return f"CAST({'NULL' if value in {None, '', NULL} else _text(str(value))} AS {kind})"


def _struct(facts: Mapping[str, Any]) -> str:
    """The `_metadata` of a file as SQL."""
    parts = []
    for name, value in facts.items():
        if name == "file_modification_time":
            parts.append(f"'{name}', timestamp_micros({value})")
        else:
            parts.append(f"'{name}', " + (_text(value) if isinstance(value, str) else f"CAST({value} AS BIGINT)"))
    return f"named_struct({', '.join(parts)})"
