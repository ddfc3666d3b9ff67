"""Who may call the operations of Unity Catalog, for `Family.call(..., access=...)`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TypeVar

from brickyard.workspace.api.access import Access
from brickyard.workspace.api.base import Call
from brickyard.workspace.api.errors import PermissionDenied
from brickyard.workspace.api.unity.requests import flag
from brickyard.workspace.catalog.definers import Editor
from brickyard.workspace.catalog.names import valid_name
from brickyard.workspace.catalog.principals import owner_names
from brickyard.workspace.catalog.privileges import ObjectKind

if TYPE_CHECKING:
    from pathlib import Path

    from brickyard.workspace.catalog.access import CallerAccess
    from brickyard.workspace.catalog.objects import Described
    from brickyard.workspace.workspace import Workspace

__all__ = ["browses", "caller", "editor", "in_body", "in_path", "in_query", "manages", "marked", "needs"]
__all__ += ["require_creation", "require_creation_at", "sees", "shown", "updates"]

Name = Callable[[Call], str]
R = TypeVar("R", bound="Described")
Info = TypeVar("Info")
#: Fields of an update that decide who uses an object, and how.
_OF_MANAGERS = frozenset({"owner", "new_name", "row_filter", "column_masks"})
#: What who may only browse is not told.
_HIDDEN = ("properties", "storage_location", "view_definition", "routine_definition")


def caller(workspace: Workspace, call: Call) -> CallerAccess:
    """What the caller may do."""
    return workspace.catalog.access(call.principal)


def editor(workspace: Workspace, call: Call) -> Editor:
    """The caller as one who changes what is used with its owner's rights."""
    own = owner_names(workspace.identity.principals, call.principal)
    return Editor(call.principal.user_name, own, call.principal.is_admin)


def in_path(call: Call) -> str:
    """The name in the path."""
    return call.path["name"]


def in_body(*fields: str) -> Name:
    """The name that these fields of the body make up."""
    return lambda call: ".".join(valid_name(call.body.get(field), field) for field in fields)


def in_query(*fields: str) -> Name:
    """The name that these parameters make up."""
    return lambda call: ".".join(valid_name(call.query.get(field), field) for field in fields)


def browses(call: Call) -> bool:
    """Whether the call asks for objects that the caller can only know of, too."""
    return flag(call, "include_browse")


def needs(kind: ObjectKind, name: Name, *privileges: str) -> Access:
    """Only who has these privileges on an object, and the way to it."""

    def check(workspace: Workspace, call: Call) -> None:
        if not call.principal.is_admin:
            caller(workspace, call).require(kind, name(call), *privileges)

    return check


def manages(kind: ObjectKind, name: Name = in_path) -> Access:
    """Only who owns an object or one that it is in, or has MANAGE."""

    def check(workspace: Workspace, call: Call) -> None:
        if not call.principal.is_admin:
            caller(workspace, call).require_management(kind, name(call))

    return check


def updates(kind: ObjectKind, name: Name = in_path, instead: str = "") -> Access:
    """As `manages`; another privilege is enough for what decides neither its name nor who uses it."""

    def check(workspace: Workspace, call: Call) -> None:
        if not call.principal.is_admin:
            caller(workspace, call).require_management(
                kind, name(call), instead if _OF_MANAGERS.isdisjoint(call.body) else ""
            )

    return check


def sees(kind: ObjectKind, name: Name = in_path) -> Access:
    """Only whom an object is shown to; with `include_browse`, also who may only know of it."""

    def check(workspace: Workspace, call: Call) -> None:
        if not call.principal.is_admin:
            caller(workspace, call).require_sight(kind, name(call), browse=browses(call))

    return check


def require_creation(workspace: Workspace, call: Call, schema: str) -> None:
    """Refuse unless the caller may create models in a schema; CREATE FUNCTION is enough, too.

    Raises:
        PermissionDenied: It may not.
        ApiError: There is no such schema.
    """
    may = caller(workspace, call)
    may.require(ObjectKind.SCHEMA, schema, "USE_SCHEMA")
    try:
        may.require(ObjectKind.SCHEMA, schema, "CREATE_FUNCTION")
    except PermissionDenied:
        may.require(ObjectKind.SCHEMA, schema, "CREATE_MODEL")


def require_creation_at(workspace: Workspace, call: Call, place: Path, privilege: str) -> None:
    """Refuse unless the caller may make an external table or volume in a directory.

    Args:
        workspace: The workspace.
        call: Who asks.
        place: The directory.
        privilege: What this needs of an external location.

    Raises:
        PermissionDenied: It may not.
    """
    access, place = workspace.files.place_access, place.resolve()
    if place.is_relative_to(workspace.data.resolve()):
        access.require_local(call.principal, place, write=True)
    else:
        access.require_elsewhere(call.principal, place, privilege)


def shown(workspace: Workspace, call: Call, kind: ObjectKind, found: Iterable[R]) -> list[R]:
    """Those of some objects that the caller may see; with `include_browse`, also those that it may only know of."""
    return caller(workspace, call).visible(kind, found, browse=browses(call))


def marked(workspace: Workspace, call: Call, kind: ObjectKind, one: Described, info: Info) -> Info:
    """An answer that says so, and less, where the caller may only know of the object."""
    if browses(call) and not caller(workspace, call).visible(kind, [one]):
        if isinstance(info, dict):
            kept = {name: value for name, value in info.items() if name not in _HIDDEN}
            return type(info)(**kept, browse_only=True)
        for name, value in (("browse_only", True), *dict.fromkeys(_HIDDEN).items()):
            if hasattr(info, name):
                setattr(info, name, value)
    return info
