"""Notification destinations; administrators make them, everybody may use them in jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from brickyard.workspace.api.access import admins_only, anyone
from brickyard.workspace.api.base import Call, Family
from brickyard.workspace.api.errors import InvalidParameterValue
from brickyard.workspace.workspace import Workspace

if TYPE_CHECKING:
    from databricks.sdk.service.settings import ListNotificationDestinationsResponse, NotificationDestination

    from brickyard.workspace.notifications.destinations import Destination

__all__ = ["family"]

family = Family()
_ROOT = "/api/2.0/notification-destinations"
_MOST = 100


@family.call("POST", _ROOT, access=admins_only)
def create_notification_destination(workspace: Workspace, call: Call) -> NotificationDestination:
    """Keep a destination."""
    return _wire(workspace.notifications.destinations.create(call.body), whole=True)


@family.call("GET", _ROOT, access=anyone)
def list_notification_destinations(workspace: Workspace, call: Call) -> ListNotificationDestinationsResponse:
    """Destinations by name, without their configurations."""
    from databricks.sdk.service.settings import ListNotificationDestinationsResponse, ListNotificationDestinationsResult

    start, size = _number(call, "page_token", 0), min(_number(call, "page_size", _MOST) or _MOST, _MOST)
    found = workspace.notifications.destinations.list()
    shown = [
        ListNotificationDestinationsResult.from_dict(_wire(one, whole=False).as_dict())
        for one in found[start : start + size]
    ]
    following = str(start + size) if len(found) > start + size else None
    return ListNotificationDestinationsResponse(results=shown, next_page_token=following)


@family.call("GET", _ROOT + "/{id}", access=anyone)
def get_notification_destination(workspace: Workspace, call: Call) -> NotificationDestination:
    """A destination; only administrators see how it is configured."""
    return _wire(workspace.notifications.destinations.get(call.path["id"]), whole=call.principal.is_admin)


@family.call("PATCH", _ROOT + "/{id}", access=admins_only)
def update_notification_destination(workspace: Workspace, call: Call) -> NotificationDestination:
    """Change a destination."""
    return _wire(workspace.notifications.destinations.update(call.path["id"], call.body), whole=True)


@family.call("DELETE", _ROOT + "/{id}", access=admins_only)
def delete_notification_destination(workspace: Workspace, call: Call) -> None:
    """Forget a destination."""
    workspace.notifications.destinations.delete(call.path["id"])


def _wire(one: Destination, *, whole: bool) -> NotificationDestination:
    from databricks.sdk.service.settings import NotificationDestination

    plain = {"id": one.id, "display_name": one.display_name, "destination_type": one.type}
    return NotificationDestination.from_dict(plain | ({"config": one.shown()} if whole else {}))


def _number(call: Call, name: str, otherwise: int) -> int:
    text = call.query.get(name) or str(otherwise)
    if not text.isdecimal() or len(text) > 9:
        raise InvalidParameterValue(f"{name} must be a number, not {text!r}")
    return int(text)
