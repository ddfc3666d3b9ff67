"""What the catalog says of a table whose rows are in files of another format than Delta."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from brickyard.workspace.compute.gateway.names import quote

__all__ = ["OPTION", "FileTable", "columns_of", "type_name"]

#: Properties in which the catalog keeps the options of the reader and writer, as Spark does.
OPTION = "option."
DELTA = "DELTA"
#: Types whose names in the API are not those in SQL.
TYPE_NAMES = {"BIGINT": "LONG", "SMALLINT": "SHORT", "TINYINT": "BYTE", "VOID": "NULL"}


@dataclass(frozen=True)
class FileTable:
    """The files of a table.

    Attributes:
        kind: Their format, in lower case.
        fields: Its columns, those of the partitions last, as the schema's JSON has them; empty if the catalog has
            only texts of their types.
        ddl: The columns as DDL.
        partitions: The names of the columns that are directories.
        options: Options of the reader and writer.
    """

    kind: str
    fields: tuple[Mapping[str, Any], ...]
    ddl: str
    partitions: tuple[str, ...]
    options: Mapping[str, str]

    @property
    def schema(self) -> str:
        """The columns, as JSON or DDL."""
        return json.dumps({"type": "struct", "fields": list(self.fields)}) if self.fields else self.ddl

    @staticmethod
    def of(wire: Mapping[str, Any]) -> FileTable | None:
        """What `tables.get` answers of such a table; nothing for a Delta table or a view."""
        kind = wire.get("data_source_format") or DELTA
        if kind == DELTA or wire.get("table_type") == "VIEW":
            return None
        columns = list(wire.get("columns") or [])
        partitions = sorted((one for one in columns if _place(one) is not None), key=lambda one: _place(one) or 0)
        ordered = [one for one in columns if _place(one) is None] + partitions
        fields = tuple(_field(one) for one in ordered) if all(one.get("type_json") for one in ordered) else ()
        ddl = ", ".join(f"{quote(one['name'])} {one.get('type_text') or one.get('type_name')}" for one in ordered)
        options = {
            key.removeprefix(OPTION): value
            for key, value in (wire.get("properties") or {}).items()
            if key.startswith(OPTION)
        }
        return FileTable(kind.lower(), fields, ddl, tuple(one["name"] for one in partitions), options)


def _place(column: Mapping[str, Any]) -> int | None:
    place = column.get("partition_index")
    return None if place is None else int(place)


def _field(column: Mapping[str, Any]) -> dict[str, Any]:
    found = json.loads(column["type_json"])
    kind = found["type"] if isinstance(found, dict) and "name" in found else found
    metadata = {"comment": column["comment"]} if column.get("comment") else {}
    return {"name": column["name"], "type": kind, "nullable": True, "metadata": metadata}


def columns_of(fields: Sequence[Any], partitions: Sequence[str]) -> list[dict[str, Any]]:
    """Columns (`StructField`) as the catalog's API has them."""
    names = [name.lower() for name in partitions]
    return [_wire(place, field, names) for place, field in enumerate(fields)]


def _wire(place: int, field: Any, partitions: list[str]) -> dict[str, Any]:
    wire = type_name(field.dataType) | {"name": field.name, "position": place, "nullable": field.nullable}
    if "comment" in field.metadata:
        wire["comment"] = field.metadata["comment"]
    if field.name.lower() in partitions:
        wire["partition_index"] = partitions.index(field.name.lower())
    return wire


def type_name(kind: Any) -> dict[str, Any]:
    """A type as the catalog's API has that of a column."""
    text = kind.simpleString()
    name = text.upper().partition("(")[0].partition("<")[0]
    wire = {"type_text": text, "type_name": TYPE_NAMES.get(name, name), "type_json": kind.json()}
    if name == "DECIMAL":
        wire |= {"type_precision": kind.precision, "type_scale": kind.scale}
    return wire
