"""Who is told by mail of what happened to an endpoint: `email_notifications`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from databricks.sdk.service.serving import EmailNotifications
from sqlalchemy import select

from brickyard.workspace.api.shape import check_shape
from brickyard.workspace.clock import now
from brickyard.workspace.notifications.destinations import check_addresses
from brickyard.workspace.notifications.outbox import Notice
from brickyard.workspace.store.serving import serving_endpoints, serving_events

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["check_mails", "notices"]

_EVENTS = ("on_update_failure", "on_update_success")
_OF = {
    "UPDATE_SUCCEEDED": "on_update_success",
    "SERVING": "on_update_success",
    "UPDATE_FAILED": "on_update_failure",
    "LOADING_FAILED": "on_update_failure",
}


def check_mails(given: Any) -> dict[str, list[str]] | None:
    """What is kept of `email_notifications`; nothing where nobody is told.

    Raises:
        InvalidParameterValue: It has the wrong form, or something that is no mail address.
    """
    if given is None:
        return None
    check_shape(EmailNotifications, given, "email_notifications")
    kept = {event: given[event] for event in _EVENTS if given.get(event)}
    for event, addresses in kept.items():
        check_addresses(f"email_notifications.{event}", addresses)
    return kept or None


def notices(connection: Connection, endpoint_id: str, kind: str, message: str) -> list[Notice]:
    """The mails about an event that is about to be written; none where it only repeats what was told before.

    Args:
        connection: The transaction in which it is written.
        endpoint_id: Whose event it is.
        kind: Its type.
        message: What it says.
    """
    event = _OF.get(kind)
    if event is None:
        return []
    query = select(serving_endpoints.c.name, serving_endpoints.c.email_notifications)
    row = connection.execute(query.where(serving_endpoints.c.id == endpoint_id)).first()
    addresses = (row.email_notifications or {}).get(event) if row is not None else None
    if row is None or not addresses:
        return []
    if not kind.startswith("UPDATE") and _last(connection, endpoint_id, kind) == message:
        return []
    told = {"event": event, "endpoint": row.name, "reason": message, "to": {"addresses": addresses}}
    return [Notice(now(), told)]


def _last(connection: Connection, endpoint_id: str, kind: str) -> str | None:
    """What the endpoint served, or failed with, before: it does so again after each start of the workspace.

    What it served goes on where something has failed since.
    """
    kinds = ("UPDATE_SUCCEEDED", "SERVING") if kind == "SERVING" else tuple(_OF)
    of = (serving_events.c.endpoint_id == endpoint_id) & serving_events.c.type.in_(kinds)
    query = select(serving_events.c.message).where(of).order_by(serving_events.c.id.desc()).limit(1)
    return connection.execute(query).scalar()
