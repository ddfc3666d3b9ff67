"""Looks at the workspace for a plan: what is there now, several resources at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from brickyard.plan.connect import Connection, calling
from brickyard.plan.kinds import kind_of
from brickyard.plan.state import State
from brickyard.project.project import Resource

__all__ = ["Sight", "look_at", "look_for"]

_READERS = 4

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Sight:
    """A resource as the workspace has it.

    Args:
        id: Its id; None if it is not there.
        now: Its configuration now.
    """

    id: str | None = None
    now: Mapping[str, Any] | None = None


def look_at(
    resources: Iterable[Resource], configs: Mapping[str, Mapping[str, Any]], state: State, connection: Connection
) -> dict[str, Sight]:
    """What the workspace has of each declared resource, by address.

    A resource that the state does not know is looked for by its name: an interrupted deployment may have
    created it, or somebody else.
    """
    ids = {item.id for item in state.resources.values() if item.id is not None}

    def look(resource: Resource) -> Sight:
        kind, config = kind_of(resource.address), configs[resource.address]
        applied = state.resources.get(resource.address)
        with calling(f"look at the {kind.title} '{kind.name(config)}'", f"{resource.address} ({resource.at})"):
            id = applied.id if applied else None
            if id is None:
                id = kind.find(connection, config, ids)
            now = kind.read(connection, id) if id is not None else None
        return Sight(id, now) if now is not None else Sight()

    declared = list(resources)
    return dict(zip((item.address for item in declared), _in_parallel(look, declared), strict=True))


def look_for(addresses: Iterable[str], state: State, connection: Connection) -> dict[str, str | None]:
    """The ids of deployed resources, by address, also of those whose creation was interrupted."""
    ids = {item.id for item in state.resources.values() if item.id is not None}

    def look(address: str) -> str | None:
        applied, kind = state.resources[address], kind_of(address)
        if applied.id is not None:
            return applied.id
        with calling(f"look for the {kind.title} '{kind.name(applied.config)}'", address):
            return kind.find(connection, applied.config, ids)

    wanted = list(addresses)
    return dict(zip(wanted, _in_parallel(look, wanted), strict=True))


def _in_parallel(look: Callable[[_Item], _Result], items: list[_Item]) -> list[_Result]:
    with ThreadPoolExecutor(_READERS) as pool:
        return list(pool.map(look, items))
