"""What the calls of Unity Catalog have in common: fields, pages and flags."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from brickyard.workspace.api.base import Call
from brickyard.workspace.api.errors import InvalidParameterValue, NotImplementedByWorkspace
from brickyard.workspace.catalog.principals import holder_id, holder_name

if TYPE_CHECKING:
    from brickyard.workspace.workspace import Workspace

__all__ = ["boolean", "changes", "flag", "isolation", "new_owner", "only", "page", "properties", "text"]

T = TypeVar("T")


def only(call: Call, *fields: str) -> None:
    """Refuse a body with a field that would have no effect.

    Raises:
        NotImplementedByWorkspace: It names the field.
    """
    for name, value in call.body.items():
        if name not in fields and value not in (None, "", [], {}):
            where = f"{call.request.method} {call.request.url.path}"
            raise NotImplementedByWorkspace(f"the field {name!r} of {where} is not implemented by the local workspace")


def text(call: Call, field: str) -> str | None:
    """An optional text of the body.

    Raises:
        InvalidParameterValue: It is not text.
    """
    value = call.body.get(field)
    if value is not None and not isinstance(value, str):
        raise InvalidParameterValue(f"{field} must be text")
    return value


def boolean(call: Call, field: str) -> bool:
    """An optional flag of the body, false where it is not given.

    Raises:
        InvalidParameterValue: It is neither true nor false.
    """
    value = call.body.get(field)
    if value is not None and not isinstance(value, bool):
        raise InvalidParameterValue(f"{field} must be true or false")
    return bool(value)


def isolation(call: Call) -> str:
    """To which workspaces an object belongs; here there is one.

    Raises:
        InvalidParameterValue: It is none of the vendor's modes.
    """
    from databricks.sdk.service.catalog import IsolationMode

    value = text(call, "isolation_mode") or ""
    if value not in {mode.value for mode in IsolationMode}:
        raise InvalidParameterValue(f"isolation_mode must be one of {', '.join(mode.value for mode in IsolationMode)}")
    return value


def properties(call: Call) -> dict[str, str] | None:
    """The properties of the body.

    Raises:
        InvalidParameterValue: They are not text by text.
    """
    value = call.body.get("properties")
    if value is None:
        return None
    if not isinstance(value, dict) or not all(isinstance(one, str) for one in value.values()):
        raise InvalidParameterValue("properties must be an object of texts")
    return value


def changes(workspace: Workspace, call: Call, *fields: str) -> dict[str, Any]:
    """What an update changes.

    Raises:
        NotImplementedByWorkspace: It would change something else, for example the name.
        ApiError: `PRINCIPAL_DOES_NOT_EXIST`: there is no such owner.
    """
    only(call, *fields, "name", "full_name", "full_name_arg")
    found: dict[str, Any] = {field: text(call, field) for field in ("comment", "owner") if field in call.body}
    if "properties" in call.body:
        found["properties"] = properties(call)
    if "owner" in found:
        found["owner"] = new_owner(workspace, found["owner"])
    return found


def new_owner(workspace: Workspace, name: object) -> str:
    """The owner that an update names: a user, service principal or group.

    Raises:
        InvalidParameterValue: It is empty or not text.
        ApiError: `PRINCIPAL_DOES_NOT_EXIST`.
    """
    if not isinstance(name, str) or not name:
        raise InvalidParameterValue("owner must not be empty, and must be text")
    principals = workspace.identity.principals
    return holder_name(principals, holder_id(principals, name)) or name


def flag(call: Call, name: str) -> bool:
    """A flag among the query's parameters.

    Raises:
        InvalidParameterValue: It is neither true nor false.
    """
    value = call.query.get(name, "false").lower()
    if value not in ("true", "false"):
        raise InvalidParameterValue(f"{name} must be true or false")
    return value == "true"


def page(
    call: Call, key: str, found: Sequence[T], name: Callable[[T], str], wire: Callable[[T], Any]
) -> dict[str, Any]:
    """One page of objects that are in the order of their names; without `max_results` all of them.

    Raises:
        InvalidParameterValue: The size or the token is not one.
    """
    wanted = call.query.get("max_results", "0")
    if not wanted.isdecimal() or len(wanted) > 9:
        raise InvalidParameterValue("max_results must be a number that is not negative")
    if token := call.query.get("page_token"):
        after = _after(token)
        found = [one for one in found if name(one) > after]
    size = int(wanted) or len(found)
    answer: dict[str, Any] = {key: [wire(one).as_dict() for one in found[:size]]}
    if len(found) > size:
        answer["next_page_token"] = base64.urlsafe_b64encode(name(found[size - 1]).encode()).decode()
    return answer


def _after(token: str) -> str:
    try:
        return base64.b64decode(token, altchars=b"-_", validate=True).decode()
    except ValueError as error:  # also of base64 and of text
        raise InvalidParameterValue("page_token is not one of this listing") from error
