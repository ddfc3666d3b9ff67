"""Users, service principals and groups: who there is, and what may become of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Table, delete, insert, select, update

from brickyard.workspace.clock import now
from brickyard.workspace.identity.membership import Membership
from brickyard.workspace.identity.principals import Kind, Principal, Principals, new_id
from brickyard.workspace.identity.records import Account, Group
from brickyard.workspace.identity.rows import Snapshot, account_values, group_values
from brickyard.workspace.identity.scim.errors import bad, conflict, forbidden, missing
from brickyard.workspace.identity.scim.reading import schema_of
from brickyard.workspace.store.base import metadata
from brickyard.workspace.store.identity import group_members, groups, principals

if TYPE_CHECKING:
    from brickyard.workspace.identity.permissions import Permissions
    from brickyard.workspace.store import Store

__all__ = ["Directory"]

# The vendor's: https://docs.databricks.com/resources/limits.html
_MOST_PRINCIPALS, _MOST_GROUPS = 10_000, 5_000


class Directory:
    """Reads and changes users, service principals and groups.

    Every change is checked as a whole before it counts: there is always an active administrator, no group is inside
    itself, and the groups `admins` and `users` stay what they are.

    Args:
        store: The database.
        known: Who calls; told of every change.
        permissions: What is granted; ends with the principal or group it was granted to.
    """

    def __init__(self, store: Store, known: Principals, permissions: Permissions) -> None:
        self._store = store
        self._known = known
        self._permissions = permissions
        self._listeners: list[Callable[[Principal], None]] = []
        self._system = {known.admins, known.users}

    def on_principal(self, listener: Callable[[Principal], None]) -> None:
        """Call a function for each user or service principal that is created or comes back, before that is answered."""
        self._listeners.append(listener)

    def accounts(self, kind: Kind) -> list[Account]:
        """All users or all service principals, in the order of their numbers."""
        with self._store.read() as connection:
            return Snapshot(connection, self._known.users).accounts(kind)

    def account(self, kind: Kind, account_id: int) -> Account:
        """A user or service principal.

        Raises:
            ScimError: There is none with that number.
        """
        with self._store.read() as connection:
            return self._account(connection, kind, account_id)

    def groups(self) -> list[Group]:
        """All groups, in the order of their numbers."""
        with self._store.read() as connection:
            return Snapshot(connection, self._known.users).groups()

    def group(self, group_id: int) -> Group:
        """A group.

        Raises:
            ScimError: There is none with that number.
        """
        with self._store.read() as connection:
            return self._group(connection, group_id)

    def create_account(self, account: Account) -> Account:
        """Add a user or service principal, with its groups.

        Raises:
            ScimError: The name is taken, a group does not exist, or there are too many.
        """
        account = replace(account, id=new_id())
        with self._store.write() as connection:
            rows = connection.execute(select(principals.c.user_name)).all()
            if any(row.user_name.casefold() == account.user_name.casefold() for row in rows):
                label = "User with username" if account.kind is Kind.USER else "Service principal with application ID"
                raise conflict(f"{label} {account.user_name} already exists.")
            if len(rows) >= _MOST_PRINCIPALS:
                raise bad("tooMany", f"A workspace can have {_MOST_PRINCIPALS} users and service principals.")
            values = account_values(account)
            connection.execute(insert(principals).values(id=account.id, created_at=now(), **values))
            self._put_into_groups(connection, account)
            created = self._account(connection, account.kind, account.id)
        self._known.changed()
        self._welcome(created)
        return created

    def change_account(
        self, kind: Kind, account_id: int, edit: Callable[[Account], Account], actor: Principal
    ) -> Account:
        """Put another state of a user or service principal in the place of the one it has.

        Args:
            kind: User or service principal.
            account_id: Its number.
            edit: What makes the new state from the present one; nobody else changes it meanwhile.
            actor: Who does it.

        Raises:
            ScimError: There is none, the change is refused, or `edit` refuses.
        """
        with self._store.write() as connection:
            before = self._account(connection, kind, account_id)
            after = edit(before)
            if account_id == actor.id and not after.active:
                raise forbidden(f"{actor.user_name} cannot deactivate itself; another administrator can.")
            mine = principals.c.id == account_id
            connection.execute(update(principals).where(mine).values(**account_values(after)))
            self._put_into_groups(connection, after)
            self._check_administrators(connection)
            changed = self._account(connection, kind, account_id)
        self._known.changed()
        if not before.active:
            self._welcome(changed)
        return changed

    def delete_account(self, kind: Kind, account_id: int, actor: Principal) -> None:
        """End a user or service principal, with its tokens, secrets, memberships and permissions.

        Raises:
            ScimError: There is none, it is who calls, or the last administrator.
        """
        with self._store.write() as connection:
            account = self._account(connection, kind, account_id)
            if account_id == actor.id:
                raise forbidden(f"{account.user_name} cannot delete itself; another administrator can.")
            _forget(connection, account_id)
            connection.execute(delete(group_members).where(group_members.c.member_id == account_id))
            connection.execute(delete(principals).where(principals.c.id == account_id))
            self._check_administrators(connection)
        self._known.changed()
        self._permissions.forget_principal(account_id)

    def create_group(self, group: Group) -> Group:
        """Add a group, with its members.

        Raises:
            ScimError: The name is taken, a member does not exist, or there are too many.
        """
        group = replace(group, id=new_id())
        with self._store.write() as connection:
            self._check_group_name(connection, group)
            connection.execute(insert(groups).values(id=group.id, **group_values(group)))
            self._put_members(connection, group)
            created = self._group(connection, group.id)
        self._known.changed()
        return created

    def change_group(self, group_id: int, edit: Callable[[Group], Group]) -> Group:
        """Put another state of a group in the place of the one it has; see `change_account`.

        Raises:
            ScimError: There is none, the change is refused, or `edit` refuses.
        """
        with self._store.write() as connection:
            before = self._group(connection, group_id)
            after = edit(before)
            if group_id in self._system and after.display_name != before.display_name:
                raise forbidden(f"The group {before.display_name} is the workspace's own and cannot be renamed.")
            if after.display_name != before.display_name:
                self._check_group_name(connection, after)
            connection.execute(update(groups).where(groups.c.id == group_id).values(**group_values(after)))
            if {one.id for one in after.members} != {one.id for one in before.members}:
                self._put_members(connection, after)
            self._check_administrators(connection)
            changed = self._group(connection, group_id)
        self._known.changed()
        return changed

    def delete_group(self, group_id: int) -> None:
        """End a group, with its memberships and permissions.

        Raises:
            ScimError: There is none, it is the workspace's own, or no administrator would be left.
        """
        with self._store.write() as connection:
            group = self._group(connection, group_id)
            if group_id in self._system:
                raise forbidden(f"The group {group.display_name} is the workspace's own and cannot be deleted.")
            either = (group_members.c.group_id == group_id) | (group_members.c.member_id == group_id)
            _forget(connection, group_id)
            connection.execute(delete(group_members).where(either))
            connection.execute(delete(groups).where(groups.c.id == group_id))
            self._check_administrators(connection)
        self._known.changed()
        self._permissions.forget_principal(group_id)

    def _welcome(self, account: Account) -> None:
        if account.active:
            who = self._known.get(account.id)
            for listener in self._listeners:
                listener(who)

    def _account(self, connection: Connection, kind: Kind, account_id: int) -> Account:
        found = Snapshot(connection, self._known.users, only=account_id).accounts(kind)
        if not found:
            raise missing(schema_of(kind).noun, account_id)
        return found[0]

    def _group(self, connection: Connection, group_id: int) -> Group:
        found = [one for one in Snapshot(connection, self._known.users).groups() if one.id == group_id]
        if not found:
            raise missing("Group", group_id)
        return found[0]

    def _put_into_groups(self, connection: Connection, account: Account) -> None:
        """Make an account's own memberships those that it names."""
        wanted = {link.id for link in account.groups if link.direct} - {self._known.users}
        for group_id in wanted:
            if not _has(connection, groups, group_id):
                raise missing("Group", group_id)
        connection.execute(delete(group_members).where(group_members.c.member_id == account.id))
        if wanted:
            rows = [{"group_id": group_id, "member_id": account.id} for group_id in wanted]
            connection.execute(insert(group_members), rows)

    def _put_members(self, connection: Connection, group: Group) -> None:
        """Make a group's members those that it names."""
        wanted = {link.id for link in group.members}
        if group.id == self._known.users:
            raise forbidden("Everybody belongs to the group users; its members cannot be changed.")
        for member_id in wanted & self._system:
            raise forbidden(f"The group {member_id} is the workspace's own and cannot belong to another.")
        here = select(group_members.c.member_id).where(group_members.c.group_id == group.id)
        present = set(connection.execute(here).scalars())
        for member_id in wanted - present:
            if not (_has(connection, principals, member_id) or _has(connection, groups, member_id)):
                raise missing("Principal", member_id)
        gone = (group_members.c.group_id == group.id) & group_members.c.member_id.in_(present - wanted)
        connection.execute(delete(group_members).where(gone))
        if wanted - present:
            rows = [{"group_id": group.id, "member_id": member_id} for member_id in wanted - present]
            connection.execute(insert(group_members), rows)
        if group.id in Membership(connection).below(group.id):
            raise bad("invalidValue", f"The group {group.display_name} would be inside itself.")

    def _check_group_name(self, connection: Connection, group: Group) -> None:
        rows = connection.execute(select(groups.c.id, groups.c.display_name)).all()
        if any(row.id != group.id and row.display_name.casefold() == group.display_name.casefold() for row in rows):
            raise conflict(f"Group with name {group.display_name} already exists.")
        if len(rows) > _MOST_GROUPS:
            raise bad("tooMany", f"A workspace can have {_MOST_GROUPS} groups.")

    def _check_administrators(self, connection: Connection) -> None:
        if self._known.first_administrator(connection) is None:
            raise forbidden("This would leave the workspace without an active administrator.")


def _forget(connection: Connection, principal_id: int) -> None:
    """Delete what any family keeps of one principal: tokens, secrets, credentials, grants."""
    for table in metadata.sorted_tables:
        if "principal_id" in table.columns:
            connection.execute(delete(table).where(table.c.principal_id == principal_id))


def _has(connection: Connection, table: Table, row_id: int) -> bool:
    return connection.execute(select(table.c.id).where(table.c.id == row_id)).first() is not None
