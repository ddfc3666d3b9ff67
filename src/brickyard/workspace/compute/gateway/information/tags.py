"""The rows of `catalog_tags`, `schema_tags`, `table_tags`, `column_tags` and `volume_tags`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from brickyard.workspace.compute.gateway.unity import UnityCatalog, accept

__all__ = ["SOURCES"]

Row = dict[str, Any]
Source = Callable[[UnityCatalog, list[Row]], Iterator[Row]]
_MOST_NAMES = 4


def _source(entity: str, *names: str) -> Source:
    def rows(catalog: UnityCatalog, catalogs: list[Row]) -> Iterator[Row]:
        wanted = {one["name"] for one in catalogs}
        for one in accept(*catalog.call("GET", "/entity-tag-assignments"))["tag_assignments"]:
            parts = one["entity_name"].split(".", _MOST_NAMES - 1)
            if one["entity_type"] == entity and parts[0] in wanted:
                yield {
                    **dict(zip(names, parts, strict=True)),
                    "tag_name": one["tag_key"],
                    "tag_value": one["tag_value"],
                }

    return rows


_TABLE = ("catalog_name", "schema_name", "table_name")
SOURCES: dict[str, Source] = {
    "catalog_tags": _source("catalogs", "catalog_name"),
    "schema_tags": _source("schemas", "catalog_name", "schema_name"),
    "table_tags": _source("tables", *_TABLE),
    "column_tags": _source("columns", *_TABLE, "column_name"),
    "volume_tags": _source("volumes", "catalog_name", "schema_name", "volume_name"),
}
