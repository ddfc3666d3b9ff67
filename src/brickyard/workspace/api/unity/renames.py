"""`new_name` of an update: another name for an object, in the same parent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from brickyard.workspace.api.errors import InvalidParameterValue
from brickyard.workspace.api.unity.guards import caller
from brickyard.workspace.api.unity.requests import text
from brickyard.workspace.catalog.names import parent_of, valid_full_name, valid_name

if TYPE_CHECKING:
    from brickyard.workspace.api.base import Call
    from brickyard.workspace.catalog.privileges import ObjectKind
    from brickyard.workspace.workspace import Workspace

__all__ = ["renamed"]


def renamed(workspace: Workspace, call: Call, kind: ObjectKind, full_name: str) -> str:
    """Rename the object where the call says so; the full name that it has then.

    Raises:
        InvalidParameterValue: That is no name, or one in another parent.
        ApiError: `..._ALREADY_EXISTS`.
    """
    wanted = text(call, "new_name")
    if not wanted:
        return full_name
    target = caller(workspace, call).object(kind, full_name)
    new_name = _full(target.full_name, wanted)
    if new_name != target.full_name:
        workspace.catalog.rename(target, new_name, call.principal.user_name)
    return new_name


def _full(old: str, wanted: str) -> str:
    """The full name for what was sent, a name or, as MLflow's clients send it, the full one."""
    parent = parent_of(old)
    if not parent or "." not in wanted:
        return ".".join(filter(None, (parent, valid_name(wanted, "new_name"))))
    name = valid_full_name(wanted, old.count(".") + 1)
    if parent_of(name) != parent:
        raise InvalidParameterValue(f"{old} stays in {parent}: new_name must be a name in it, not {wanted!r}")
    return name
