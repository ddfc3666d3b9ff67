"""External tables each have a place of their own: two names for one directory would change each other's rows."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection

from brickyard.workspace.api.errors import InvalidParameterValue
from brickyard.workspace.catalog.records import TABLE

__all__ = ["require_free"]


def require_free(connection: Connection, place: Path) -> None:
    """Refuse a place that another external table has, or that is inside of it or around it.

    Raises:
        InvalidParameterValue: It names that table.
    """
    place = place.resolve()
    for other in TABLE.children(connection):
        if other.table_type != "EXTERNAL":
            continue
        taken = other.directory.resolve()
        if place.is_relative_to(taken) or taken.is_relative_to(place):
            raise InvalidParameterValue(
                f"Input path url '{place.as_uri()}' overlaps with other external tables or volumes within "
                f"'CreateTable' call. Conflicting tables/volumes: {other.full_name}."
            )
