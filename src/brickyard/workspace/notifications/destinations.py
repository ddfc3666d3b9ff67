"""Notification destinations: https://docs.databricks.com/admin/workspace-settings/notification-destinations.html ."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from brickyard.workspace.api.errors import (
    InvalidParameterValue,
    NotImplementedByWorkspace,
    ResourceAlreadyExists,
    ResourceDoesNotExist,
)
from brickyard.workspace.api.shape import check_shape
from brickyard.workspace.store.notifications import notification_destinations as table

if TYPE_CHECKING:
    from sqlalchemy import Row

    from brickyard.workspace.secrets.vault import Vault
    from brickyard.workspace.store import Store

__all__ = ["Destination", "Destinations", "check_addresses"]

_TYPES = {"generic_webhook": "WEBHOOK", "slack": "SLACK", "microsoft_teams": "MICROSOFT_TEAMS", "email": "EMAIL"}
_NOT_HERE = ("pagerduty", "databricks_app_slack", "databricks_app_teams")
#: What a destination can be sent with; apps of Slack and Teams need their clouds.
_FIELDS = {
    "generic_webhook": ("url", "username", "password"),
    "slack": ("url",),
    "microsoft_teams": ("url",),
    "email": ("addresses",),
}
#: What mail servers take without quotes, comments and extensions, by which a mail would go to others, or to nobody.
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,64}"
_ADDRESS = re.compile(rf"{_ATOM}(\.{_ATOM})*@[A-Za-z0-9-]{{1,63}}(\.[A-Za-z0-9-]{{1,63}})*")


@dataclass(frozen=True)
class Destination:
    """Where notifications go.

    Attributes:
        id: Its UUID.
        display_name: Its name.
        kind: The field of the vendor's `Config` that it has.
        config: What is in that field, with its secrets.
    """

    id: str
    display_name: str
    kind: str
    config: Mapping[str, Any]

    @property
    def type(self) -> str:
        """The vendor's `DestinationType`."""
        return _TYPES[self.kind]

    def shown(self) -> dict[str, Any]:
        """Its configuration as it is answered: of secrets, that they are set."""
        if self.kind == "email":
            return {"email": dict(self.config)}
        return {self.kind: {f"{name}_set": name in self.config for name in _FIELDS[self.kind]}}


class Destinations:
    """Keeps destinations; their configurations are sealed with the workspace's key.

    Args:
        store: The workspace's database.
        vault: What seals them.
    """

    def __init__(self, store: Store, vault: Callable[[], Vault]) -> None:
        self._store = store
        self._vault = vault

    def create(self, fields: Mapping[str, Any]) -> Destination:
        """Keep a destination.

        Raises:
            InvalidParameterValue: A field is missing or wrong.
            ResourceAlreadyExists: There is one of that name.
        """
        kind, config = _checked(fields.get("config"))
        made = Destination(str(uuid.uuid4()), _name(fields.get("display_name")), kind, config)
        row = {"id": made.id, "display_name": made.display_name, "type": kind, "sealed": self._sealed(made)}
        self._write(insert(table).values(**row), made.display_name)
        return made

    def get(self, destination_id: str) -> Destination:
        """A destination.

        Raises:
            ResourceDoesNotExist: There is none of that id.
        """
        with self._store.read() as connection:
            row = connection.execute(select(table).where(table.c.id == destination_id)).first()
        if row is None:
            raise ResourceDoesNotExist(f"Notification destination {destination_id} does not exist.")
        return self._opened(row)

    def list(self) -> list[Destination]:
        """All destinations by name."""
        with self._store.read() as connection:
            rows = connection.execute(select(table).order_by(table.c.display_name)).all()
        return [self._opened(row) for row in rows]

    def update(self, destination_id: str, fields: Mapping[str, Any]) -> Destination:
        """Change a destination; its type stays.

        Raises:
            ResourceDoesNotExist: There is none of that id.
            InvalidParameterValue: A field is wrong, or of another type.
            ResourceAlreadyExists: There is another one of that name.
        """
        found = self.get(destination_id)
        if fields.get("display_name") is None and fields.get("config") is None:
            raise InvalidParameterValue("display_name or config is required")
        name = found.display_name if fields.get("display_name") is None else _name(fields["display_name"])
        kind, config = (found.kind, found.config) if fields.get("config") is None else _checked(fields["config"])
        if kind != found.kind:
            raise InvalidParameterValue(f"The type of a destination cannot be changed from {found.kind} to {kind}.")
        made = Destination(found.id, name, kind, config)
        values = {"display_name": name, "sealed": self._sealed(made)}
        self._write(update(table).where(table.c.id == found.id).values(**values), name)
        return made

    def delete(self, destination_id: str) -> None:
        """Forget a destination.

        Raises:
            ResourceDoesNotExist: There is none of that id.
        """
        self.get(destination_id)
        with self._store.write() as connection:
            connection.execute(delete(table).where(table.c.id == destination_id))

    def _write(self, statement: Any, name: str) -> None:
        try:
            with self._store.write() as connection:
                connection.execute(statement)
        except IntegrityError as error:
            raise ResourceAlreadyExists(f"There is a notification destination called {name!r} already.") from error

    def _sealed(self, one: Destination) -> bytes:
        return self._vault().seal(json.dumps(dict(one.config)).encode(), _seal_name(one.id))

    def _opened(self, row: Row[Any]) -> Destination:
        config = json.loads(self._vault().open(row.sealed, _seal_name(row.id)))
        return Destination(row.id, row.display_name, row.type, config)


def _seal_name(destination_id: str) -> str:
    return f"notification-destination/{destination_id}"


def _name(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise InvalidParameterValue("display_name is required and must be text")
    return value


def _checked(config: Any) -> tuple[str, dict[str, Any]]:
    """The one kind in a configuration, and what is in it.

    Raises:
        InvalidParameterValue: There is none, or two, or a field is wrong.
        NotImplementedByWorkspace: It needs what a local workspace has not.
    """
    from databricks.sdk.service.settings import Config

    check_shape(Config, {} if config is None else config, "config")
    kinds = [name for name, value in (config or {}).items() if value is not None]
    if len(kinds) != 1:
        raise InvalidParameterValue(f"config must have exactly one of {', '.join(_TYPES)}; it has {len(kinds)}")
    [kind] = kinds
    if kind not in (*_TYPES, *_NOT_HERE):
        raise InvalidParameterValue(f"config.{kind} is not known; it is one of {', '.join(_TYPES)}")
    given = {name: value for name, value in config[kind].items() if value is not None and not name.endswith("_set")}
    others = [name for name in given if name not in _FIELDS.get(kind, ())]
    if kind in _NOT_HERE or others:
        what = f"config.{kind}" if kind in _NOT_HERE else f"config.{kind}.{others[0]}"
        raise NotImplementedByWorkspace(f"{what} is not supported by the local workspace")
    if kind == "email":
        check_addresses("config.email.addresses", given.get("addresses") or [])
    else:
        _check_url(kind, given.get("url"))
    return kind, given


def check_addresses(where: str, addresses: Any) -> None:
    """Refuse what is no list of mail addresses.

    Raises:
        InvalidParameterValue: There is none, or one is no address.
    """
    if not isinstance(addresses, list):
        raise InvalidParameterValue(f"{where} must be a list, not {addresses!r}")
    for one in addresses:
        if not isinstance(one, str) or not _ADDRESS.fullmatch(one):
            raise InvalidParameterValue(f"{where}: {one!r} is not a mail address")
    if not addresses:
        raise InvalidParameterValue(f"{where} needs a mail address")


def _check_url(kind: str, url: Any) -> None:
    try:
        parts = urlsplit(url or "")
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        good = False
    if not good or any(ord(letter) < 33 for letter in url):
        raise InvalidParameterValue(f"config.{kind}.url must be the address of a server: https://...")
