"""What a type of object is to these tests: its levels, and what there is to do with one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import DatabricksError, PermissionDenied

from tests.workspace.permissions.people import Lab, Robot

__all__ = ["Action", "Kind", "Thing", "allowed"]


@dataclass(frozen=True)
class Thing:
    """One object.

    Attributes:
        id: Its id in `/api/2.0/permissions/{kind}/{id}`.
        name: Its path or name.
        container: From which it inherits, as kind and id; nothing for what has no container.
        more: What else its actions need.
    """

    id: str
    name: str
    container: tuple[str, str] | None = None
    more: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Action:
    """Something to do with an object.

    Attributes:
        do: Does it; answers False where the object was hidden rather than refused.
        level: The lowest level on the object that it needs; nothing where it takes an administrator.
        container: The lowest level on what the object inherits from, where that is not the level of the same name.
        spends: Whether the object is another afterwards.
        may_fail: Whether it may fail for another reason once it is allowed.
    """

    do: Callable[[WorkspaceClient, Thing], object]
    level: str | None
    container: str | None = None
    spends: bool = False
    may_fail: bool = False


@dataclass(frozen=True)
class Kind:
    """A type of object: its levels, weakest first, how one is made, what there is to do with it."""

    levels: tuple[str, ...]
    make: Callable[[Lab, Robot], Thing]
    actions: Mapping[str, Action]
    container: tuple[str, ...] = ()


def allowed(action: Action, client: WorkspaceClient, thing: Thing) -> bool:
    """Whether somebody may do it, found out by doing it."""
    try:
        return action.do(client, thing) is not False
    except PermissionDenied:
        return False
    except DatabricksError:
        if action.may_fail:
            return True
        raise
