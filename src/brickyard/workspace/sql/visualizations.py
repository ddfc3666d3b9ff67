"""Visualizations of saved queries: kept as a page of the service draws them; nothing here does."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, select, update

from brickyard.workspace.api.errors import InvalidParameterValue, ResourceDoesNotExist
from brickyard.workspace.api.shape import check_shape
from brickyard.workspace.clock import now
from brickyard.workspace.store.sql import visualizations as table

if TYPE_CHECKING:
    from brickyard.workspace.store import Store

__all__ = ["SavedVisualization", "Visualizations"]

_CHANGEABLE = frozenset({"display_name", "serialized_options", "serialized_query_plan", "type"})


@dataclass(frozen=True)
class SavedVisualization:
    """A visualization; times are epoch milliseconds."""

    id: str
    query_id: str
    created_at: int
    updated_at: int
    settings: Mapping[str, Any]


class Visualizations:
    """The visualizations of a workspace's saved queries."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def of(self, query_id: str) -> list[SavedVisualization]:
        """Those of a query, the oldest first."""
        wanted = select(table).where(table.c.query_id == query_id).order_by(table.c.created_at, table.c.id)
        return [SavedVisualization(**row) for row in self._store.rows(wanted)]

    def get(self, visualization_id: str) -> SavedVisualization:
        """One of them.

        Raises:
            ResourceDoesNotExist: There is none of that id.
        """
        row = self._store.first(select(table).where(table.c.id == visualization_id))
        if row is None:
            raise ResourceDoesNotExist(f"Visualization {visualization_id} does not exist.")
        return SavedVisualization(**row)

    def create(self, query_id: str, given: Mapping[str, Any]) -> SavedVisualization:
        """Add one to a query.

        Raises:
            InvalidParameterValue: A field has a wrong type, is unknown, or there is no type.
        """
        settings = _checked({name: value for name, value in given.items() if name != "query_id"})
        if not settings.get("type"):
            raise InvalidParameterValue("visualization.type is required: for example TABLE or CHART")
        moment = now()
        made = SavedVisualization(str(uuid.uuid4()), query_id, moment, moment, settings)
        with self._store.write() as connection:
            connection.execute(insert(table).values(**vars(made)))
        return made

    def update(self, one: SavedVisualization, given: Mapping[str, Any], mask: Iterable[str]) -> SavedVisualization:
        """Change the fields that the mask names.

        Raises:
            InvalidParameterValue: The mask or a field is wrong.
        """
        values, settings = _checked(given), dict(one.settings)
        for name in mask:
            if name not in _CHANGEABLE:
                raise InvalidParameterValue(f"update_mask names {name!r}, which cannot be changed")
            settings[name] = values.get(name)
        kept = {name: value for name, value in settings.items() if value is not None}
        with self._store.write() as connection:
            change = update(table).where(table.c.id == one.id).values(settings=kept, updated_at=now())
            connection.execute(change)
        return self.get(one.id)

    def delete(self, one: SavedVisualization) -> None:
        """Remove one."""
        with self._store.write() as connection:
            connection.execute(delete(table).where(table.c.id == one.id))


def _checked(given: Mapping[str, Any]) -> dict[str, Any]:
    from databricks.sdk.service.sql import UpdateVisualizationRequestVisualization

    check_shape(UpdateVisualizationRequestVisualization, given)
    for unknown in given.keys() - _CHANGEABLE:
        raise InvalidParameterValue(f"{unknown} is not a field of visualizations")
    return {name: value for name, value in given.items() if value is not None}
