"""Which warehouse is whose default: chosen by users for themselves, or by administrators for them.

Source: `databricks.sdk.service.sql.DefaultWarehouseOverride`.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from brickyard.workspace.api.errors import InvalidParameterValue, ResourceAlreadyExists, ResourceDoesNotExist
from brickyard.workspace.api.shape import check_shape

if TYPE_CHECKING:
    from brickyard.workspace.identity.settings import Settings
    from brickyard.workspace.sql.warehouses import Warehouses

__all__ = ["Overrides"]

_NAME = "default warehouses"
_TYPES = ("LAST_SELECTED", "CUSTOM")
_KNOWN = frozenset({"type", "warehouse_id", "name", "default_warehouse_override_id"})

Override = dict[str, Any]


class Overrides:
    """The overrides of a workspace, by the number of the user.

    Args:
        settings: Where they are kept.
        warehouses: The warehouses that can be chosen.
    """

    def __init__(self, settings: Settings, warehouses: Warehouses) -> None:
        self._settings = settings
        self._warehouses = warehouses
        self._lock = threading.Lock()

    def all(self) -> dict[str, Override]:
        """All of them."""
        found: dict[str, Override] = json.loads(self._settings.document(_NAME) or "{}")
        return found

    def get(self, user: str) -> Override:
        """A user's.

        Raises:
            ResourceDoesNotExist: There is none.
        """
        found = self.all().get(user)
        if found is None:
            raise ResourceDoesNotExist(f"The default warehouse override {user} does not exist.")
        return found

    def create(self, user: str, body: Mapping[str, Any]) -> Override:
        """Make a user's.

        Raises:
            InvalidParameterValue: A wrong value.
            ResourceAlreadyExists: There is one.
        """
        made = self._checked(body)
        with self._lock:
            found = self.all()
            if user in found:
                raise ResourceAlreadyExists(f"The default warehouse override {user} already exists.")
            self._keep(found | {user: made})
        return made

    def update(self, user: str, body: Mapping[str, Any], mask: frozenset[str], *, allow_missing: bool) -> Override:
        """Change a user's; makes it where it is allowed to be missing.

        Raises:
            InvalidParameterValue: A wrong value.
            ResourceDoesNotExist: There is none.
        """
        with self._lock:
            found = self.all()
            before = found.get(user)
            if before is None and not allow_missing:
                raise ResourceDoesNotExist(f"The default warehouse override {user} does not exist.")
            if before is None or "*" in mask:
                made = self._checked(body)
            else:
                kept = {name: value for name, value in before.items() if name not in mask}
                made = self._checked(kept | {name: body[name] for name in mask if body.get(name) is not None})
            self._keep(found | {user: made})
        return made

    def delete(self, user: str) -> None:
        """Remove a user's.

        Raises:
            ResourceDoesNotExist: There is none.
        """
        with self._lock:
            self.get(user)
            self._keep({name: one for name, one in self.all().items() if name != user})

    def _keep(self, overrides: Mapping[str, Override]) -> None:
        self._settings.keep_document(_NAME, json.dumps(overrides))

    def _checked(self, body: Mapping[str, Any]) -> Override:
        from databricks.sdk.service.sql import DefaultWarehouseOverride

        check_shape(DefaultWarehouseOverride, body)
        for unknown in body.keys() - _KNOWN:
            raise InvalidParameterValue(f"{unknown} is not a field of default warehouse overrides")
        if body["type"] not in _TYPES:
            raise InvalidParameterValue(f"type must be one of {', '.join(_TYPES)}, not {body['type']!r}")
        chosen = body.get("warehouse_id")
        if (body["type"] == "CUSTOM") != bool(chosen):
            raise InvalidParameterValue("warehouse_id is required for the type CUSTOM, and only there")
        if not chosen:
            return {"type": body["type"]}
        return {"type": body["type"], "warehouse_id": self._warehouses.get(chosen).id}
