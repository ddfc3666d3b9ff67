"""Saved queries: text with a name, parameters and tags."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select, update

from brickyard.workspace.api.errors import InvalidParameterValue, ResourceDoesNotExist
from brickyard.workspace.api.shape import check_shape
from brickyard.workspace.clock import now
from brickyard.workspace.identity.permissions import Securable
from brickyard.workspace.store.sql import saved_queries as table

if TYPE_CHECKING:
    from brickyard.workspace.identity import Principal
    from brickyard.workspace.workspace import Workspace

__all__ = ["SavedQueries", "SavedQuery"]

#: What a query has, beside what the workspace says of it.
FIELDS = frozenset(
    ("apply_auto_limit", "catalog", "description", "display_name", "parameters", "parent_path", "query_text")
) | frozenset(("run_as_mode", "schema", "tags", "warehouse_id"))


@dataclass(frozen=True)
class SavedQuery:
    """A query; times are epoch milliseconds."""

    id: str
    owner: str
    state: str
    created_at: int
    updated_at: int
    modified_by: str
    settings: Mapping[str, Any]

    @property
    def securable(self) -> Securable:
        """What permissions are granted on."""
        return Securable("queries", self.id)


class SavedQueries:
    """The saved queries of a workspace."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._store = workspace.store

    def create(self, given: Mapping[str, Any], by: Principal, *, rename: bool) -> SavedQuery:
        """Make a query; with `rename`, a name that is taken in its folder gets a number.

        Raises:
            InvalidParameterValue: A field has a wrong type, is unknown, or there is no text.
        """
        settings = {"run_as_mode": "OWNER", "parent_path": f"/Workspace/Users/{by.user_name}"} | _checked(given)
        settings.setdefault("query_text", "")
        settings.setdefault("display_name", "New query")
        if rename:
            settings["display_name"] = self._free_name(settings["display_name"], settings["parent_path"])
        moment = now()
        made = SavedQuery(str(uuid.uuid4()), by.user_name, "ACTIVE", moment, moment, by.user_name, settings)
        with self._store.write() as connection:
            connection.execute(insert(table).values(**vars(made)))
        self._workspace.identity.permissions.grant(made.securable, by.id, "CAN_MANAGE")
        return made

    def get(self, query_id: str) -> SavedQuery:
        """A query, also one in the trash.

        Raises:
            ResourceDoesNotExist: There is none of that id.
        """
        row = self._store.first(select(table).where(table.c.id == query_id))
        if row is None:
            raise ResourceDoesNotExist(f"Query {query_id} does not exist.")
        return SavedQuery(**row)

    def securable(self, query_id: str) -> Securable:
        """What permissions are granted on."""
        return self.get(query_id).securable

    def all(self) -> list[SavedQuery]:
        """The queries that are not in the trash, the oldest first."""
        wanted = select(table).where(table.c.state == "ACTIVE").order_by(table.c.created_at, table.c.id)
        return [SavedQuery(**row) for row in self._store.rows(wanted)]

    def update(self, query: SavedQuery, given: Mapping[str, Any], mask: Iterable[str], by: Principal) -> SavedQuery:
        """Change the fields that the mask names; a new owner may manage the query.

        Raises:
            InvalidParameterValue: The mask or a field is wrong.
        """
        owner: Principal | None = None
        values = _checked({name: value for name, value in given.items() if name != "owner_user_name"})
        settings = dict(query.settings)
        for name in mask:
            if name == "owner_user_name":
                owner = self._workspace.identity.principal_named(str(given.get(name)))
            elif name not in FIELDS - {"parent_path"}:
                raise InvalidParameterValue(f"update_mask names {name!r}, which cannot be changed")
            elif values.get(name) is None:
                settings.pop(name, None)
            else:
                settings[name] = values[name]
        if owner is not None:
            self._workspace.identity.permissions.grant(query.securable, owner.id, "CAN_MANAGE")
        owner_name = query.owner if owner is None else owner.user_name
        return self._change(query, owner=owner_name, settings=settings, modified_by=by.user_name)

    def trash(self, query: SavedQuery, by: Principal) -> None:
        """Move a query to the trash."""
        self._change(query, state="TRASHED", modified_by=by.user_name)

    def _change(self, query: SavedQuery, **values: Any) -> SavedQuery:
        with self._store.write() as connection:
            connection.execute(update(table).where(table.c.id == query.id).values(updated_at=now(), **values))
        return self.get(query.id)

    def _free_name(self, name: str, folder: str) -> str:
        taken = {one.settings["display_name"] for one in self.all() if one.settings.get("parent_path") == folder}
        found, number = name, 1
        while found in taken:
            found, number = f"{name} ({number})", number + 1
        return found


def _checked(given: Mapping[str, Any]) -> dict[str, Any]:
    from databricks.sdk.service.sql import CreateQueryRequestQuery

    check_shape(CreateQueryRequestQuery, given)
    for unknown in given.keys() - FIELDS:
        raise InvalidParameterValue(f"{unknown} is not a field of queries")
    return {name: value for name, value in given.items() if value is not None}
