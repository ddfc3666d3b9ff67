"""Who may do what with an object: levels granted to users, service principals and groups, inherited from parents.

Source of the levels: https://docs.databricks.com/security/auth/access-control/ and the SDK's `service.iam`.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select

from brickyard.workspace.api.errors import PermissionDenied
from brickyard.workspace.store.permissions import permissions as table

if TYPE_CHECKING:
    from brickyard.workspace.identity.principals import Principal
    from brickyard.workspace.store import Store

__all__ = ["LEVELS", "Grant", "Permissions", "Securable", "tree_object"]

# Of each kind, weakest first: each level includes the ones before it.
LEVELS: Mapping[str, tuple[str, ...]] = {
    "tree": ("CAN_READ", "CAN_RUN", "CAN_EDIT", "CAN_MANAGE"),  # directories, notebooks, files, repos
    "jobs": ("CAN_VIEW", "CAN_MANAGE_RUN", "CAN_MANAGE", "IS_OWNER"),
    "experiments": ("CAN_READ", "CAN_EDIT", "CAN_MANAGE"),
    "registered-models": (
        "CAN_READ",
        "CAN_EDIT",
        "CAN_MANAGE_STAGING_VERSIONS",
        "CAN_MANAGE_PRODUCTION_VERSIONS",
        "CAN_MANAGE",
    ),
    "serving-endpoints": ("CAN_VIEW", "CAN_QUERY", "CAN_MANAGE"),
    "clusters": ("CAN_ATTACH_TO", "CAN_RESTART", "CAN_MANAGE"),
    "authorization": ("CAN_USE",),
    "warehouses": ("CAN_VIEW", "CAN_USE", "CAN_MONITOR", "CAN_MANAGE", "IS_OWNER"),
    "queries": ("CAN_VIEW", "CAN_RUN", "CAN_EDIT", "CAN_MANAGE"),
    "cluster-policies": ("CAN_USE",),
    "instance-pools": ("CAN_ATTACH_TO", "CAN_MANAGE"),
    "secret-scopes": ("READ", "WRITE", "MANAGE"),  # through the calls of secrets, not through /api/2.0/permissions
}

_SINGULARS = {"cluster-policies": "cluster policy", "queries": "query"}

# What it takes elsewhere where that is not the level of the same name. Whoever may run a notebook may log runs to its
# experiment. Source: https://docs.databricks.com/en/mlflow/experiments-acl.html
_INHERITED = {("tree", "experiments", "CAN_EDIT"): "CAN_RUN"}


@dataclass(frozen=True)
class Securable:
    """An object on which permissions are granted.

    Attributes:
        kind: A key of `LEVELS`.
        id: What tells it from the others of its kind; of workspace objects, the path.
        parent: From where it inherits; nothing for what has no parent.
    """

    kind: str
    id: str
    parent: Securable | None = None

    def __str__(self) -> str:
        return self.id if self.kind == "tree" else f"{_SINGULARS.get(self.kind, self.kind.removesuffix('s'))} {self.id}"

    def chain(self) -> Iterable[Securable]:
        """Itself, its parent, and so on to the root."""
        found: Securable | None = self
        while found is not None:
            yield found
            found = found.parent


@dataclass(frozen=True)
class Grant:
    """A level that a principal has on an object.

    Attributes:
        principal_id: A user, service principal or group.
        level: The level.
        source: The object on which it was granted: the object itself or one above it.
    """

    principal_id: int
    level: str
    source: Securable


class Permissions:
    """Grants on objects, all of them kept in memory: this process is the only one that changes them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._granted: dict[tuple[str, str], dict[int, str]] = {}
        with store.read() as connection:
            for row in connection.execute(select(table)):
                self._granted.setdefault((row.kind, row.object_id), {})[row.principal_id] = row.level

    def allows(self, principal: Principal, securable: Securable, level: str) -> bool:
        """Whether a principal has at least a level on an object; administrators have every level."""
        if principal.is_admin:
            return True
        for one in securable.chain():
            granted = self._granted.get((one.kind, one.id))
            if granted:
                enough = _enough(one.kind, securable.kind, level)
                if any(granted.get(holder) in enough for holder in principal.holders):
                    return True
        return False

    def require(self, principal: Principal, securable: Securable, level: str) -> None:
        """Refuse unless a principal has at least a level on an object.

        Raises:
            PermissionDenied: It does not.
        """
        if not self.allows(principal, securable, level):
            words = (
                "View" if level in ("CAN_READ", "CAN_VIEW") else level.removeprefix("CAN_").replace("_", " ").title()
            )
            raise PermissionDenied(
                f"{principal.user_name} does not have {words} permissions on {securable}."
                " Please contact the owner or an administrator for access."
            )

    def reaches_below(self, principal: Principal, path: str) -> bool:
        """Whether a principal was granted anything below a folder of the workspace tree."""
        below = f"{path.rstrip('/')}/"
        holders = principal.holders
        with self._lock:
            granted = list(self._granted.items())
        return any(
            kind == "tree" and name.startswith(below) and not holders.isdisjoint(levels)
            for (kind, name), levels in granted
        )

    def granted_to(self, principal: Principal, kind: str) -> frozenset[str] | None:
        """The ids of the objects of a kind without parents on which a principal has any level; nothing means all."""
        if principal.is_admin:
            return None
        holders = principal.holders
        with self._lock:
            granted = list(self._granted.items())
        return frozenset(name for (one, name), levels in granted if one == kind and not holders.isdisjoint(levels))

    def grants(self, securable: Securable) -> list[Grant]:
        """All grants that count on an object: its own first, then those it inherits."""
        return [
            Grant(principal_id, level, one)
            for one in securable.chain()
            for principal_id, level in self._granted.get((one.kind, one.id), {}).items()
        ]

    def grant(self, securable: Securable, principal_id: int, level: str) -> None:
        """Give a principal a level on an object, in the place of the one it had there."""
        with self._lock:
            wanted = {**self._granted.get((securable.kind, securable.id), {}), principal_id: level}
            self._write(securable, wanted)

    def replace(self, securable: Securable, wanted: Mapping[int, str]) -> None:
        """Set the levels that are granted on an object itself, by principal."""
        with self._lock:
            self._write(securable, dict(wanted))

    def forget(self, securable: Securable) -> None:
        """Remove the grants on an object that was deleted and, of a directory, on all below it."""
        with self._lock:
            below = f"{securable.id.rstrip('/')}/"
            gone = [
                (kind, name)
                for kind, name in self._granted
                if kind == securable.kind and (name == securable.id or (kind == "tree" and name.startswith(below)))
            ]
            for kind, name in gone:
                self._write(Securable(kind, name), {})

    def forget_principal(self, principal_id: int) -> None:
        """Remove what was granted to a principal or group that was deleted."""
        with self._lock:
            with self._store.write() as connection:
                connection.execute(delete(table).where(table.c.principal_id == principal_id))
            for key, granted in list(self._granted.items()):
                self._granted[key] = {holder: level for holder, level in granted.items() if holder != principal_id}

    def _write(self, securable: Securable, wanted: dict[int, str]) -> None:
        mine = (table.c.kind == securable.kind) & (table.c.object_id == securable.id)
        rows = [
            {"kind": securable.kind, "object_id": securable.id, "principal_id": holder, "level": level}
            for holder, level in wanted.items()
        ]
        with self._store.write() as connection:
            connection.execute(delete(table).where(mine))
            if rows:
                connection.execute(insert(table), rows)
        if wanted:
            self._granted[(securable.kind, securable.id)] = wanted
        else:
            self._granted.pop((securable.kind, securable.id), None)


def tree_object(path: str) -> Securable:
    """An object of the workspace tree, given its path as the API shows it (`/Users/me/a`); folders are its parents."""
    if path == "/":
        return Securable("tree", "/")
    return Securable("tree", path, tree_object(path.rpartition("/")[0] or "/"))


@cache
def _enough(kind: str, inheriting: str, level: str) -> frozenset[str]:
    """The levels on an object of a kind which give at least a level on what inherits from it."""
    levels = LEVELS[kind]
    if kind != inheriting:
        level = _INHERITED.get((kind, inheriting, level), level)
    return frozenset(levels[levels.index(level) :])
