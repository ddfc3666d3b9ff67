"""Catalogs, schemas, volumes and registered models: objects of Unity Catalog are known by their full name."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from brickyard.plan.connect import Connection
from brickyard.plan.kinds.base import Config, levels_name

__all__ = ["CATALOGS", "REGISTERED_MODELS", "SCHEMAS", "VOLUMES", "CatalogObject"]

_ROOT = "/api/2.1/unity-catalog"


@dataclass(frozen=True, slots=True)
class CatalogObject:
    """A type of object of Unity Catalog.

    Args:
        title: What it is called in a sentence.
        path: Its collection in the API.
        levels: The fields that make up its full name.
        changeable: The fields that can change in place.
        settable: Every further field that a project can set and the workspace gives back.
        page: Where its page is, below the host.
        forced: Whether deleting it needs to be forced where it is not empty.
    """

    title: str
    path: str
    levels: tuple[str, ...]
    changeable: tuple[str, ...]
    settable: tuple[str, ...]
    page: str
    forced: bool = False
    keeps_data: bool = True

    @property
    def fixed(self) -> tuple[str, ...]:
        """All but what can change in place."""
        return (*self.levels, *self.settable)

    def name(self, config: Config) -> str:
        """Its full name."""
        return levels_name(config, self.levels)

    def normal(self, config: Config) -> Config:
        """As it is: the workspace takes and gives the same fields."""
        return config

    def ignored(self, config: Config) -> tuple[str, ...]:
        """None."""
        return ()

    def read(self, connection: Connection, id: str) -> Config | None:
        """Its fields now."""
        from databricks.sdk.errors.platform import NotFound

        try:
            answer = connection.call("GET", f"{_ROOT}/{self.path}/{id}")
        except NotFound:
            return None
        fields = (*self.levels, *self.changeable, *self.settable)
        return {name: answer[name] for name in fields if answer.get(name) not in (None, "", {})}

    def find(self, connection: Connection, config: Config, known: Collection[str]) -> str | None:
        """Its full name, if the object is there."""
        name = self.name(config)
        return name if name not in known and self.read(connection, name) is not None else None

    def create(self, connection: Connection, config: Config) -> str:
        """Create it."""
        connection.call("POST", f"{_ROOT}/{self.path}", body=config)
        return self.name(config)

    def update(self, connection: Connection, id: str, config: Config, fields: Collection[str]) -> None:
        """Change fields; one that is no longer set is emptied."""
        empty = {"comment": "", "properties": {}, "options": {}}
        body = {name: config.get(name, empty.get(name)) for name in fields if name in self.changeable}
        connection.call("PATCH", f"{_ROOT}/{self.path}/{id}", body=body)

    def delete(self, connection: Connection, id: str) -> None:
        """Delete it with what it contains."""
        from databricks.sdk.errors.platform import NotFound

        try:
            connection.call("DELETE", f"{_ROOT}/{self.path}/{id}", query={"force": True} if self.forced else None)
        except NotFound:
            return

    def url(self, connection: Connection, id: str) -> str | None:
        """Its page in the catalog explorer."""
        return f"{connection.host}/explore/data/{self.page}{id.replace('.', '/')}"


CATALOGS = CatalogObject(
    "catalog",
    "catalogs",
    ("name",),
    ("comment", "properties", "options"),
    ("storage_root", "connection_name", "provider_name", "share_name"),
    "",
    forced=True,
)
SCHEMAS = CatalogObject(
    "schema", "schemas", ("catalog_name", "name"), ("comment", "properties"), ("storage_root",), "", forced=True
)
VOLUMES = CatalogObject(
    "volume",
    "volumes",
    ("catalog_name", "schema_name", "name"),
    ("comment",),
    ("volume_type",),
    "volumes/",
)
REGISTERED_MODELS = CatalogObject(
    "registered model", "models", ("catalog_name", "schema_name", "name"), ("comment",), (), "models/"
)
