"""What runs with its owner's rights, views and functions in SQL: who may write its text, and give it away.

Its text is written by who owns it, or an administrator. Whoever may manage it may give it to somebody else, as on the
service; but the new owner has not written it, and may have more rights. So the one who owned it keeps answering for it,
as its definer, until the new owner writes it anew or an administrator decides: it may do what both may.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from brickyard.workspace.api.errors import PermissionDenied
from brickyard.workspace.catalog.attributes import Attributes
from brickyard.workspace.catalog.records import FunctionRecord, Kind, TableRecord

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["DEFINER", "Editor", "change"]

DEFINER = "definer"
#: The fields that decide what it does.
_TEXT = frozenset({"view_definition", "columns", "properties", "definition"})
#: Those that an owner writes anew together.
_WHOLE = frozenset({"view_definition", "definition"})
R = TypeVar("R", TableRecord, FunctionRecord)


@dataclass(frozen=True)
class Editor:
    """Who changes something.

    Attributes:
        name: The user name.
        own: In lower case, the names under which something is its own.
        is_admin: Whether it administers the workspace.
    """

    name: str
    own: frozenset[str]
    is_admin: bool


def change(connection: Connection, kind: Kind[R], full_name: str, values: dict[str, Any], editor: Editor) -> R:
    """Change a view or function, in a transaction.

    Raises:
        PermissionDenied: It would change what somebody else answers for.
        ApiError: `..._DOES_NOT_EXIST`.
    """
    found = kind.get(connection, full_name)
    owns = editor.is_admin or found.owner.lower() in editor.own
    if not owns and not _TEXT.isdisjoint(values):
        raise PermissionDenied(
            f"User is not an owner of '{found.full_name}', which is used with its owner's rights: only its owner and "
            "administrators change it."
        )
    given = values.get("owner", found.owner).lower() != found.owner.lower()
    if not _WHOLE.isdisjoint(values) or (given and editor.is_admin):
        Attributes.write(connection, found.id, {DEFINER: None})
    if given and not editor.is_admin and DEFINER not in Attributes.read(connection, found.id):
        Attributes.write(connection, found.id, {DEFINER: found.owner})
    return kind.change(connection, full_name, editor.name, **values)
