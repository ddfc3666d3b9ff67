"""Endpoints as the database keeps them."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from databricks.sdk.service.serving import RateLimit
from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from brickyard.workspace.api.errors import ResourceAlreadyExists, ResourceDoesNotExist
from brickyard.workspace.clock import now
from brickyard.workspace.serving.config import EndpointConfig
from brickyard.workspace.serving.events import EventLog
from brickyard.workspace.serving.gateway import Gateway
from brickyard.workspace.serving.limits import Limit, parse_limits
from brickyard.workspace.store.serving import serving_endpoints as table

if TYPE_CHECKING:
    from brickyard.workspace.serving.capture_settings import CaptureConfig
    from brickyard.workspace.store import Store

__all__ = ["EndpointRecord", "EndpointRecords"]

# Beside an update that is kept as one that does not serve yet.
_FAILED = "failed"


@dataclass(frozen=True)
class EndpointRecord:
    """An endpoint; times are epoch milliseconds.

    Attributes:
        config: What serves, or will once its models are there.
        config_version: Counts the configurations that were put in place.
        pending: An update that does not serve yet.
        pending_at: When the last update came that does not serve.
        failed: An update that could not be put in place, until the next one or until something else does.
        failure: Why the last update or load failed, until the next one.
        rate_limits: The limits of the older kind.
        gateway: The AI gateway.
        email_notifications: Who is told how updates end: mail addresses by event.
    """

    name: str
    id: str
    creator: str
    created_at: int
    updated_at: int
    config: EndpointConfig
    config_version: int = 1
    pending: EndpointConfig | None = None
    pending_at: int | None = None
    failed: EndpointConfig | None = None
    description: str | None = None
    failure: str | None = None
    tags: Mapping[str, str | None] = field(default_factory=dict)
    rate_limits: list[dict[str, Any]] | None = None
    gateway: Gateway = field(default_factory=lambda: Gateway({}))
    email_notifications: dict[str, list[str]] | None = None

    @property
    def limits(self) -> tuple[Limit, ...]:
        """All rate limits."""
        return (*parse_limits(self.rate_limits, "rate_limits", RateLimit), *self.gateway.limits)

    @property
    def capture(self) -> CaptureConfig | None:
        """The inference table that is written to."""
        of_gateway = self.gateway.capture
        return of_gateway if of_gateway is not None and of_gateway.enabled else self.config.capture


class EndpointRecords:
    """Reads and writes endpoints; every write is durable when it returns.

    Args:
        store: The workspace's database.
        wake: Called where people are to be told of an endpoint.
    """

    def __init__(self, store: Store, wake: Callable[[], None]) -> None:
        self._store = store
        self._wake = wake

    def all(self) -> list[EndpointRecord]:
        """Every endpoint, by name."""
        return [_record(row) for row in self._store.rows(select(table).order_by(table.c.name))]

    def get(self, name: str) -> EndpointRecord:
        """One endpoint.

        Raises:
            ResourceDoesNotExist: There is none with that name.
        """
        row = self._store.first(select(table).where(table.c.name == name))
        if row is None:
            raise ResourceDoesNotExist(f"The endpoint with name '{name}' does not exist.")
        return _record(row)

    def create(
        self,
        name: str,
        creator: str,
        config: EndpointConfig,
        *,
        tags: Mapping[str, str | None],
        description: str | None,
        rate_limits: list[dict[str, Any]] | None = None,
        gateway: Gateway | None = None,
        mails: dict[str, list[str]] | None = None,
    ) -> EndpointRecord:
        """Add an endpoint.

        Raises:
            ResourceAlreadyExists: The name is taken.
        """
        at = now()
        values = {"name": name, "id": uuid.uuid4().hex, "creator": creator, "created_at": at, "updated_at": at}
        values |= {"tags": dict(tags), "description": description, "config": config.to_json(), "config_version": 1}
        values |= {"rate_limits": rate_limits, "ai_gateway": dict(gateway.written) if gateway is not None else None}
        values |= {"email_notifications": mails}
        try:
            with self._store.write() as connection:
                connection.execute(insert(table).values(**values))
        except IntegrityError as error:
            raise ResourceAlreadyExists(f"Endpoint with name '{name}' already exists.") from error
        return self.get(name)

    def put_pending(self, name: str, config: EndpointConfig) -> EndpointRecord:
        """Record an update that is to be put in place."""
        at = now()
        pending_at = max(at, (self.get(name).pending_at or 0) + 1)  # tells one update from another
        return self._change(name, pending_config=config.to_json(), pending_at=pending_at, failure=None, updated_at=at)

    def activate(self, record: EndpointRecord) -> None:
        """Make the pending update of `record` the configuration, unless it was deleted or updated again since."""
        values: dict[str, Any] = {"failure": None}
        if record.pending is not None or record.failed is not None:
            values |= {"pending_config": None, "pending_at": None}
        if record.pending is not None:
            values |= {"config": record.pending.to_json(), "config_version": record.config_version + 1}
        self._change_same(record, values)

    def fail(self, record: EndpointRecord, reason: str) -> None:
        """Give up the pending update of `record`, if there is one, and say why, unless deleted or updated since."""
        values: dict[str, Any] = {"failure": reason}
        if record.pending is not None:
            values |= {"pending_config": {**record.pending.to_json(), _FAILED: True}}
        elif record.failed is not None:  # the reason is one of what serves now
            values |= {"pending_config": None, "pending_at": None}
        self._change_same(record, values)

    def put_tags(self, name: str, tags: Mapping[str, str | None]) -> EndpointRecord:
        """Replace the tags."""
        return self._change(name, tags=dict(tags))

    def put_rate_limits(self, name: str, limits: list[dict[str, Any]]) -> EndpointRecord:
        """Replace the rate limits of the older kind."""
        return self._change(name, rate_limits=limits)

    def put_gateway(self, name: str, gateway: Gateway) -> EndpointRecord:
        """Replace the AI gateway."""
        return self._change(name, ai_gateway=dict(gateway.written))

    def put_mails(self, name: str, mails: dict[str, list[str]] | None) -> EndpointRecord:
        """Replace who is told how updates end."""
        return self._change(name, email_notifications=mails)

    def delete(self, name: str) -> None:
        """Remove an endpoint.

        Raises:
            ResourceDoesNotExist: There is none with that name.
        """
        self.get(name)
        with self._store.write() as connection:
            connection.execute(delete(table).where(table.c.name == name))

    def events(self, endpoint_id: str) -> EventLog:
        """What happened to an endpoint."""
        return EventLog(self._store, endpoint_id, self._wake)

    def _change_same(self, record: EndpointRecord, values: Mapping[str, Any]) -> None:
        same = (table.c.id == record.id) & table.c.pending_at.is_not_distinct_from(record.pending_at)
        with self._store.write() as connection:
            connection.execute(update(table).where(same).values(**values))

    def _change(self, name: str, **values: Any) -> EndpointRecord:
        with self._store.write() as connection:
            connection.execute(update(table).where(table.c.name == name).values(**values))
        return self.get(name)


def _record(row: Mapping[Any, Any]) -> EndpointRecord:
    values = {key: value for key, value in row.items() if key not in {"config", "pending_config", "ai_gateway"}}
    pending = row["pending_config"]
    update = EndpointConfig.from_json(pending) if pending else None
    has_failed = bool(pending and pending.get(_FAILED))
    return EndpointRecord(
        **values,
        config=EndpointConfig.from_json(row["config"]),
        pending=None if has_failed else update,
        failed=update if has_failed else None,
        gateway=Gateway.parse(row["ai_gateway"], row["name"]),
    )
