"""Between the tables of users, service principals and groups, and what they mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, Row, select

from brickyard.workspace.identity.membership import Membership
from brickyard.workspace.identity.principals import Kind
from brickyard.workspace.identity.records import Account, Group, Link
from brickyard.workspace.store.identity import groups, principals

__all__ = ["Snapshot", "account_values", "group_values"]


class Snapshot:
    """Everybody, as of one transaction.

    Args:
        connection: The transaction.
        everybody: The number of the group `users`, to which all belong without a row that says so.
        only: The one user or service principal that is asked for; without it, all.
    """

    def __init__(self, connection: Connection, everybody: int, only: int | None = None) -> None:
        query = select(principals).order_by(principals.c.id)
        self._accounts = connection.execute(query if only is None else query.where(principals.c.id == only)).all()
        self._groups = connection.execute(select(groups).order_by(groups.c.id)).all()
        self._membership = Membership(connection)
        self._everybody = everybody
        self._links = {row.id: Link(row.id, Kind(row.kind), row.display_name) for row in self._accounts}
        self._links |= {row.id: Link(row.id, Kind.GROUP, row.display_name) for row in self._groups}

    def accounts(self, kind: Kind) -> list[Account]:
        """The users or the service principals."""
        return [self._account(row) for row in self._accounts if row.kind == kind.value]

    def groups(self) -> list[Group]:
        """The groups."""
        return [self._group(row) for row in self._groups]

    def _account(self, row: Row[Any]) -> Account:
        profile: Mapping[str, Any] = row.profile or {}
        return Account(
            id=row.id,
            kind=Kind(row.kind),
            user_name=row.user_name,
            display_name=row.display_name,
            active=row.active,
            external_id=row.external_id,
            given_name=profile.get("given_name"),
            family_name=profile.get("family_name"),
            entitlements=tuple(profile.get("entitlements", ())),
            roles=tuple(profile.get("roles", ())),
            groups=self._groups_of(row.id, {self._everybody}),
        )

    def _group(self, row: Row[Any]) -> Group:
        profile: Mapping[str, Any] = row.profile or {}
        inside: Iterable[int] = self._membership.members.get(row.id, ())
        if row.id == self._everybody:
            inside = [account.id for account in self._accounts]
        return Group(
            id=row.id,
            display_name=row.display_name,
            external_id=row.external_id,
            entitlements=tuple(profile.get("entitlements", ())),
            roles=tuple(profile.get("roles", ())),
            members=tuple(self._links[one] for one in sorted(inside) if one in self._links),
            groups=self._groups_of(row.id, set()),
        )

    def _groups_of(self, member_id: int, more: set[int]) -> tuple[Link, ...]:
        direct = self._membership.parents.get(member_id, set()) | more
        found = sorted(self._membership.above(member_id) | more)
        return tuple(Link(one, Kind.GROUP, self._links[one].name, one in direct) for one in found)


def account_values(account: Account) -> dict[str, Any]:
    """The columns of a user or service principal, but for its number."""
    profile = {
        "given_name": account.given_name,
        "family_name": account.family_name,
        "entitlements": list(account.entitlements),
        "roles": list(account.roles),
    }
    return {
        "kind": account.kind.value,
        "user_name": account.user_name,
        "display_name": account.display_name,
        "active": account.active,
        "external_id": account.external_id,
        "profile": profile,
    }


def group_values(group: Group) -> dict[str, Any]:
    """The columns of a group, but for its number."""
    return {
        "display_name": group.display_name,
        "external_id": group.external_id,
        "profile": {"entitlements": list(group.entitlements), "roles": list(group.roles)},
    }
