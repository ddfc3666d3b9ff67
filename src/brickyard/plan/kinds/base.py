"""The seam between a deployment and a type of resource."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Protocol

from brickyard.plan.connect import Connection

__all__ = ["Config", "Kind", "levels_name"]

Config = Mapping[str, Any]


class Kind(Protocol):
    """A type of resource."""

    @property
    def title(self) -> str:
        """What it is called in a sentence, for example `job`."""
        ...

    @property
    def fixed(self) -> tuple[str, ...]:
        """The fields that cannot change in place: the resource is deleted and created again."""
        ...

    @property
    def keeps_data(self) -> bool:
        """Whether deleting it deletes what users stored in it."""
        ...

    def name(self, config: Config) -> str:
        """What the workspace calls it."""
        ...

    def normal(self, config: Config) -> Config:
        """The configuration as the vendor's types write it, so that it compares with `read`."""
        ...

    def ignored(self, config: Config) -> tuple[str, ...]:
        """The last names of fields whose value in the workspace moves by itself."""
        ...

    def read(self, connection: Connection, id: str) -> Config | None:
        """What it is now, in the fields of its configuration; None if it is gone."""
        ...

    def find(self, connection: Connection, config: Config, known: Collection[str]) -> str | None:
        """The id of a resource that was created with this configuration and is not among `known`."""
        ...

    def create(self, connection: Connection, config: Config) -> str:
        """Create it; returns its id."""
        ...

    def update(self, connection: Connection, id: str, config: Config, fields: Collection[str]) -> None:
        """Change the given top-level fields."""
        ...

    def delete(self, connection: Connection, id: str) -> None:
        """Delete it; one that is gone is fine."""
        ...

    def url(self, connection: Connection, id: str) -> str | None:
        """The page that shows it, if there is one."""
        ...


def levels_name(config: Config, levels: tuple[str, ...]) -> str:
    """A name in Unity Catalog: the given fields, joined by dots."""
    return ".".join(str(config.get(level, "")) for level in levels)
