"""External tables each have a place of their own: two names for one directory would change each other's rows."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection

from brickyard.workspace.api.errors import InvalidParameterValue
from brickyard.workspace.catalog.records import TABLE, VOLUME

__all__ = ["require_free"]


def require_free(connection: Connection, place: Path, data: Path) -> None:
    """Refuse a place that another external table or volume has, or that is inside of it or around it.

    Args:
        connection: To the database.
        place: The place.
        data: The workspace's data.

    Raises:
        InvalidParameterValue: It names that table.
    """
    place, data = place.resolve(), data.resolve()
    external = [(one.full_name, one.directory) for one in TABLE.children(connection) if one.table_type == "EXTERNAL"]
    if not place.is_relative_to(data):  # what is in the workspace's own volumes is in their trees already
        external += [(one.full_name, Path(one.location)) for one in VOLUME.children(connection)]
    for name, directory in external:
        taken = directory.resolve()
        if place.is_relative_to(taken) or taken.is_relative_to(place):
            raise InvalidParameterValue(
                f"Input path url '{place.as_uri()}' overlaps with other external tables or volumes within "
                f"'CreateTable' call. Conflicting tables/volumes: {name}."
            )
