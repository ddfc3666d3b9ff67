"""Aliases: names that point to one version of a model, and who wants to know when they move."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from brickyard.workspace.api.errors import InvalidState, ResourceDoesNotExist
from brickyard.workspace.registry.names import ModelName, parse_alias
from brickyard.workspace.registry.records import Status
from brickyard.workspace.store.registry import model_aliases, model_versions
from brickyard.workspace.store.upsert import put

if TYPE_CHECKING:
    from brickyard.workspace.store import Store

__all__ = ["AliasCallback", "Aliases"]

_log = logging.getLogger(__name__)

AliasCallback = Callable[[str, str, "int | None"], None]


class Aliases:
    """The aliases of all models."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._callbacks: list[AliasCallback] = []

    def on_change(self, callback: AliasCallback) -> None:
        """Call `callback(model, alias, version or None)` after an alias has moved or gone."""
        self._callbacks.append(callback)

    def version(self, name: str, alias: str) -> int | None:
        """The version that an alias points to, or nothing where there is no such alias or model."""
        wanted = (model_aliases.c.name == str(ModelName.parse(name))) & (model_aliases.c.alias == alias)
        with self._store.read() as connection:
            return connection.execute(select(model_aliases.c.version).where(wanted)).scalar()

    def set(self, name: ModelName, alias: str, version: int) -> None:
        """Point an alias to a version.

        Raises:
            ResourceDoesNotExist: There is no such version.
            InvalidState: Its files are not complete.
        """
        alias = parse_alias(alias)
        key = (model_versions.c.name == str(name)) & (model_versions.c.version == version)
        with self._store.write() as connection:
            status = connection.execute(select(model_versions.c.status).where(key)).scalar()
            if status is None:
                raise ResourceDoesNotExist(f"the model {name} has no version {version}")
            if status != Status.READY:
                raise InvalidState(f"version {version} of {name} is {status}; an alias needs a READY version")
            put(connection, model_aliases, {"name": str(name), "alias": alias, "version": version})
        self._tell(str(name), alias, version)

    def delete(self, name: ModelName, alias: str) -> None:
        """Remove an alias.

        Raises:
            ResourceDoesNotExist: There is no such alias.
        """
        wanted = (model_aliases.c.name == str(name)) & (model_aliases.c.alias == alias)
        with self._store.write() as connection:
            if not connection.execute(delete(model_aliases).where(wanted)).rowcount:
                raise ResourceDoesNotExist(f"the model {name} has no alias {alias!r}")
        self.removed(str(name), [alias])

    def removed(self, name: str, aliases: list[str]) -> None:
        """Tell that aliases have gone, with their version or their model."""
        for alias in aliases:
            self._tell(name, alias, None)

    def _tell(self, name: str, alias: str, version: int | None) -> None:
        _log.info("alias %s of %s now points to %s", alias, name, version)
        for callback in self._callbacks:
            try:
                callback(name, alias, version)
            except Exception:
                # The alias has moved and its caller is told so, and others who follow it want to know as well.
                _log.exception("what follows the alias %s of %s failed", alias, name)
