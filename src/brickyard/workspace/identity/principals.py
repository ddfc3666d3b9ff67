"""Users, service principals and groups, and which principal belongs to which groups."""

from __future__ import annotations

import getpass
import secrets
import threading
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Row, insert, select

from brickyard.workspace.api.errors import ResourceDoesNotExist
from brickyard.workspace.identity.membership import Membership
from brickyard.workspace.store.identity import group_members, groups, principals

if TYPE_CHECKING:
    from brickyard.workspace.store import Store

__all__ = ["ADMINS", "USERS", "Holder", "Kind", "Principal", "Principals", "new_id"]

ADMINS = "admins"
USERS = "users"
_OF_ALL = ["databricks-sql-access", "workspace-access"]
_ENTITLEMENTS = {
    ADMINS: ["allow-cluster-create", "allow-instance-pool-create", *_OF_ALL],
    USERS: _OF_ALL,
}


class Kind(StrEnum):
    """What a principal is."""

    USER = "USER"
    SERVICE_PRINCIPAL = "SERVICE_PRINCIPAL"
    GROUP = "GROUP"


@dataclass(frozen=True)
class Principal:
    """Who calls: a user or a service principal.

    Attributes:
        id: Its number.
        user_name: The user's name, an e-mail address; of a service principal, its application id.
        display_name: What people call it.
        kind: User or service principal.
        groups: The numbers of all groups that it belongs to, also through other groups.
        is_admin: Whether one of them is `admins`.
        entitlements: What it is entitled to, also by its groups.
    """

    id: int
    user_name: str
    display_name: str
    kind: Kind = Kind.USER
    groups: frozenset[int] = frozenset()
    is_admin: bool = False
    entitlements: frozenset[str] = frozenset()

    @property
    def holders(self) -> frozenset[int]:
        """The numbers under which permissions count for it: its own and its groups'."""
        return self.groups | {self.id}


@dataclass(frozen=True)
class Holder:
    """To whom a permission can be granted: a user, a service principal or a group.

    Attributes:
        id: Its number.
        kind: What it is.
        name: User name, application id or name of the group.
        display_name: What people call it.
    """

    id: int
    kind: Kind
    name: str
    display_name: str


class Principals:
    """Reads principals with their groups; the memory of them is dropped whenever one changes.

    Attributes:
        admins: The number of the group `admins`.
        users: The number of the group `users`, to which every user and service principal belongs.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._known: dict[int, Principal] = {}
        self.admins = self._ensure_group(ADMINS)
        self.users = self._ensure_group(USERS)
        self._owner = self._ensure_owner()

    @property
    def owner(self) -> Principal:
        """The user who made the workspace; after that one's end, its first administrator."""
        try:
            return self.get(self._owner)
        except ResourceDoesNotExist:
            with self._store.read() as connection:
                first = self.first_administrator(connection)
            if first is None:
                raise
            self._owner = first
            return self.get(first)

    def first_administrator(self, connection: Connection) -> int | None:
        """The oldest active user who is an administrator, or else service principal; nothing where there is none."""
        inside = Membership(connection).below(self.admins)
        columns = (principals.c.id, principals.c.kind, principals.c.created_at)
        rows = connection.execute(select(*columns).where(principals.c.active)).all()
        found = [(row.kind != Kind.USER, row.created_at, row.id) for row in rows if row.id in inside]
        return int(min(found)[2]) if found else None

    def get(self, principal_id: int) -> Principal:
        """The active principal with that number.

        Raises:
            ResourceDoesNotExist: There is none, or it is not active.
        """
        known = self._known.get(principal_id)
        if known is None:
            with self._lock:  # so that what was read before a change is not remembered after it
                known = self._known[principal_id] = self._load(principal_id)
        return known

    def named(self, name: str) -> Principal:
        """The active principal with that user name or application id; user names are the same in any case.

        Raises:
            ResourceDoesNotExist: There is none, or it is not active.
        """
        with self._store.read() as connection:
            exactly = select(principals.c.id).where(principals.c.user_name == name)
            found = connection.execute(exactly).scalar() if name.isprintable() else None
            if found is None:
                rows = connection.execute(select(principals.c.id, principals.c.user_name)).all()
                found = next((row.id for row in rows if row.user_name.casefold() == name.casefold()), None)
        if found is None:
            raise ResourceDoesNotExist(f"User {name} does not exist")
        return self.get(found)

    def find(self, kind: Kind, name: str) -> int | None:
        """The number of a user, service principal or group with a name, active or not; nothing where there is none."""
        with self._store.read() as connection:
            if kind is Kind.GROUP:
                return connection.execute(select(groups.c.id).where(groups.c.display_name == name)).scalar()
            rows = connection.execute(
                select(principals.c.id, principals.c.user_name).where(principals.c.kind == kind.value)
            ).all()
        return next((int(row.id) for row in rows if row.user_name.lower() == name.lower()), None)

    def group(self, name: str) -> Principal | None:
        """A group as one who asks for something, as for what it owns; nothing where there is none."""
        found = self.find(Kind.GROUP, name)
        if found is None:
            return None
        with self._store.read() as connection:
            above = frozenset(Membership(connection).above(found) | {self.users})
        return Principal(found, name, name, Kind.GROUP, above, is_admin=self.admins in above | {found})

    def describe(self, holder_id: int) -> Holder:
        """What people call a user, service principal or group.

        Raises:
            ResourceDoesNotExist: There is none with that number.
        """
        with self._store.read() as connection:
            row = connection.execute(select(principals).where(principals.c.id == holder_id)).first()
            if row is not None:
                return Holder(holder_id, Kind(row.kind), row.user_name, row.display_name)
            name = connection.execute(select(groups.c.display_name).where(groups.c.id == holder_id)).scalar()
        if name is None:
            raise ResourceDoesNotExist(f"Principal {holder_id} does not exist")
        return Holder(holder_id, Kind.GROUP, name, name)

    def changed(self) -> None:
        """Forget what was read; to be called after every change of a principal, a group or a membership."""
        with self._lock:
            self._known.clear()

    def _load(self, principal_id: int) -> Principal:
        with self._store.read() as connection:
            row = connection.execute(select(principals).where(principals.c.id == principal_id)).first()
            if row is None or not row.active:
                raise ResourceDoesNotExist(f"Principal {principal_id} does not exist or is not active")
            belongs = frozenset(Membership(connection).above(principal_id) | {self.users})
            given = [
                row.profile,
                *connection.execute(select(groups.c.profile).where(groups.c.id.in_(belongs))).scalars(),
            ]
        entitled = frozenset(name for profile in given for name in (profile or {}).get("entitlements", ()))
        return self._principal(row, belongs, entitled)

    def _principal(self, row: Row[Any], belongs: frozenset[int], entitled: frozenset[str]) -> Principal:
        is_admin, kind = self.admins in belongs, Kind(row.kind)
        return Principal(row.id, row.user_name, row.display_name, kind, belongs, is_admin, entitled)

    def _ensure_group(self, name: str) -> int:
        with self._store.write() as connection:
            found = connection.execute(select(groups.c.id).where(groups.c.display_name == name)).scalar()
            if found is None:
                found = new_id()
                profile = {"entitlements": _ENTITLEMENTS[name]}
                connection.execute(insert(groups).values(id=found, display_name=name, profile=profile))
        return int(found)

    def _ensure_owner(self) -> int:
        with self._store.write() as connection:
            owner = self.first_administrator(connection)
            if owner is not None:
                return owner
            first = (
                select(principals.c.id).where(principals.c.active).order_by(principals.c.created_at, principals.c.id)
            )
            owner = connection.execute(first).scalar()  # of a workspace from before there were groups
            if owner is None:
                name, owner = getpass.getuser(), new_id()
                values = {"id": owner, "user_name": f"{name}@localhost", "display_name": name, "active": True}
                profile = {"given_name": name, "entitlements": ["workspace-access"]}
                connection.execute(insert(principals).values(kind=Kind.USER, profile=profile, **values))
            connection.execute(insert(group_members).values(group_id=self.admins, member_id=owner))
        return int(owner)


def new_id() -> int:
    """A number that no other principal or group has."""
    return secrets.randbelow(10**15) + 10**15
