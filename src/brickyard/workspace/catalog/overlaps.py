"""Tables and volumes have places of their own: two names for one directory would change each other's rows.

Source: https://docs.databricks.com/data-governance/unity-catalog/paths ("Paths ... cannot overlap").
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from sqlalchemy import Connection, select

from brickyard.workspace.api.errors import InvalidParameterValue
from brickyard.workspace.catalog.hive import in_hive
from brickyard.workspace.catalog.records import CATALOG, SCHEMA, TABLE, VOLUME
from brickyard.workspace.catalog.urls import address
from brickyard.workspace.store.catalog import attributes

__all__ = ["MANAGED_DIRECTORY", "STORAGE_ROOT", "require_free", "require_free_root"]

STORAGE_ROOT = "storage_root"
#: Below a storage root, where managed tables are; what is beside it is free for external ones.
MANAGED_DIRECTORY = "__unitystorage"


def require_free(connection: Connection, place: Path, data: Path) -> None:
    """Refuse a place that another table, volume or managed storage has, or that is inside of it or around it.

    Args:
        connection: To the database.
        place: The place.
        data: The workspace's data.

    Raises:
        InvalidParameterValue: It names what is there.
    """
    place, data = place.resolve(), data.resolve()
    taken = [(one.full_name, Path(one.location)) for one in TABLE.children(connection) if one.location]
    if not place.is_relative_to(data):  # what is in the workspace's own volumes is in their trees already
        taken += [(one.full_name, Path(one.location)) for one in VOLUME.children(connection)]
    if name := _overlapping(place, taken):
        raise InvalidParameterValue(
            f"Input path url '{place.as_uri()}' overlaps with other external tables or volumes within "
            f"'CreateTable' call. Conflicting tables/volumes: {name}."
        )
    if name := _overlapping(place, _managed(connection, data)):
        raise InvalidParameterValue(
            f"Input path url '{place.as_uri()}' overlaps with managed storage within 'CreateTable' call. "
            f"It is that of {name}."
        )


def require_free_root(connection: Connection, root: Path) -> None:
    """Refuse a storage root whose managed tables would be in an external table or volume, or around one.

    Raises:
        InvalidParameterValue: It names what is there.
    """
    taken = [(one.full_name, one.directory) for one in TABLE.children(connection) if one.table_type == "EXTERNAL"]
    taken += [(one.full_name, Path(one.location)) for one in VOLUME.children(connection)]
    if name := _overlapping(root.resolve() / MANAGED_DIRECTORY, taken):
        raise InvalidParameterValue(
            f"Input path url '{root.as_uri()}' overlaps with other external tables or volumes. "
            f"Conflicting tables/volumes: {name}."
        )


def _overlapping(place: Path, taken: Iterable[tuple[str, Path]]) -> str | None:
    """The name of what is at a place, around it, or inside of it."""
    found = ((name, one.resolve()) for name, one in taken)
    return next((name for name, one in found if place.is_relative_to(one) or one.is_relative_to(place)), None)


def _managed(connection: Connection, data: Path) -> list[tuple[str, Path]]:
    """Where catalogs and schemas with a storage root keep their managed tables, by their names."""
    owners = [*CATALOG.children(connection), *SCHEMA.children(connection)]
    names = {one.id: one.full_name for one in owners if not in_hive(one.full_name)}
    wanted = select(attributes.c.object_id, attributes.c.value).where(attributes.c.name == STORAGE_ROOT)
    rows = [row for row in connection.execute(wanted) if row.object_id in names]
    roots = [(names[row.object_id], address(json.loads(row.value), data).local) for row in rows]
    return [(name, local / MANAGED_DIRECTORY) for name, local in roots if local is not None]
