"""Who may do what in Unity Catalog: grants, which those in an object inherit, and ownership.

Source: https://docs.databricks.com/data-governance/unity-catalog/access-control/permissions-concepts, and of each
call's needs the docstrings of `databricks.sdk.service.catalog`. Administrators of the workspace may do everything, as
administrators of a metastore may.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from brickyard.workspace.api.errors import ApiError, PermissionDenied, ResourceDoesNotExist
from brickyard.workspace.catalog.errors import does_not_exist
from brickyard.workspace.catalog.hive import in_hive
from brickyard.workspace.catalog.names import parent_of
from brickyard.workspace.catalog.objects import Described, UnityObject, described, find, metastore
from brickyard.workspace.catalog.principals import owner_names
from brickyard.workspace.catalog.privileges import (
    ALL_PRIVILEGES,
    NOT_IN_ALL,
    SEEN_WITH_ANY,
    SIGHT,
    USE,
    ObjectKind,
    words,
)

if TYPE_CHECKING:
    from brickyard.workspace.catalog.grants import Grants
    from brickyard.workspace.identity import Principal
    from brickyard.workspace.workspace import Workspace

__all__ = ["CallerAccess"]

R = TypeVar("R", bound=Described)


@dataclass(frozen=True)
class _Lack:
    """What a caller does not have."""

    privilege: str
    target: UnityObject

    def error(self) -> PermissionDenied:
        """The vendor's words for it."""
        where = f"{self.target.kind.label} '{self.target.full_name}'"
        return PermissionDenied(f"User does not have {words(self.privilege)} on {where}.")


class CallerAccess:
    """What one principal may do; made for one request.

    Args:
        workspace: Whose objects they are.
        grants: What is granted.
        principal: Who calls.
    """

    def __init__(self, workspace: Workspace, grants: Grants, principal: Principal) -> None:
        self._workspace = workspace
        self._grants = grants
        self._principal = principal

    @property
    def is_admin(self) -> bool:
        """Whether it may do everything."""
        return self._principal.is_admin

    def object(self, kind: ObjectKind, full_name: str = "") -> UnityObject:
        """The object of a name; of the metastore, without one.

        Raises:
            PermissionDenied: There is none, and the caller may not know what there is.
            ApiError: `..._DOES_NOT_EXIST`, or that is no name of such an object.
        """
        if kind is ObjectKind.METASTORE:
            return metastore(self._workspace)
        with self._workspace.store.read() as connection:
            found = find(connection, kind, full_name)
        if found is None:
            self._refuse(self._no_way(kind, full_name))
            raise self._missing(kind, full_name)
        return found

    def require(self, kind: ObjectKind, full_name: str, *privileges: str) -> None:
        """Refuse unless the caller has all these privileges on an object, and the way to it.

        Raises:
            PermissionDenied: It does not.
            ApiError: There is no such object.
        """
        if self.is_admin:
            return
        target = self.object(kind, full_name)
        for privilege in privileges:
            self._refuse(self._lack(target, privilege))

    def require_management(self, kind: ObjectKind, full_name: str, instead: str = "") -> None:
        """Refuse unless the caller owns an object or one that it is in, or has MANAGE.

        Args:
            kind: What it is.
            full_name: Its name.
            instead: A privilege that is enough as well, which the error then names.

        Raises:
            PermissionDenied: It does not.
            ApiError: There is no such object.
        """
        if self.is_admin:
            return
        target = self.object(kind, full_name)
        lack = self._no_manager(target)
        if lack is not None and instead:
            lack = self._lack(target, instead)
        self._refuse(lack)

    def require_sight(self, kind: ObjectKind, full_name: str, *, browse: bool = False) -> None:
        """Refuse unless the caller may look at an object.

        Raises:
            PermissionDenied: It may not.
            ApiError: There is no such object.
        """
        if self.is_admin:
            return
        target = self.object(kind, full_name)
        if not self.sees(target, browse=browse):
            self._refuse(self._lack(target, SIGHT[kind]))

    def manages(self, target: UnityObject) -> bool:
        """Whether the caller owns an object or one that it is in, or has MANAGE."""
        return self.is_admin or self._no_manager(target) is None

    def sees(self, target: UnityObject, *, browse: bool = False) -> bool:
        """Whether an object is shown to the caller.

        Args:
            target: The object.
            browse: Whether BROWSE is enough, which lets see that there is an object, but not use it.
        """
        if self.is_admin or target.kind is ObjectKind.METASTORE:
            return True
        if browse and self._holds(target, "BROWSE"):
            return True
        if target.kind in SEEN_WITH_ANY and self._grants.held(target, self._principal.holders):
            return True
        return self._lack(target, SIGHT[target.kind]) is None or self._no_manager(target) is None

    def visible(self, kind: ObjectKind, found: Iterable[R], *, browse: bool = False) -> list[R]:
        """Those of some objects of a kind that are shown to the caller."""
        if self.is_admin:
            return list(found)
        parents: dict[str, UnityObject | None] = {}
        described = ((one, self._described(kind, one, parents)) for one in found)
        return [one for one, target in described if target is not None and self.sees(target, browse=browse)]

    def _described(
        self, kind: ObjectKind, one: Described, parents: dict[str, UnityObject | None]
    ) -> UnityObject | None:
        """An object that was read already, with what it is in; nothing where that is gone."""
        target = described(kind, one)
        if kind.depth == 1:
            return target
        above = parent_of(target.full_name)
        if above not in parents:
            with self._workspace.store.read() as connection:
                parents[above] = find(connection, kind.container, above)
        parent = parents[above]
        return None if parent is None else replace(target, parent=parent)

    def _no_way(self, kind: ObjectKind, full_name: str) -> _Lack | None:
        """What the caller lacks to know that there is no object of a name."""
        above, name = kind.container, parent_of(full_name)
        if self.is_admin or above is ObjectKind.METASTORE:
            return None
        with self._workspace.store.read() as connection:
            inside = find(connection, above, name)
        if inside is None:
            return self._no_way(above, name)
        return None if self.sees(inside, browse=True) else self._lack(inside, USE[above])

    def _missing(self, kind: ObjectKind, full_name: str) -> ApiError:
        """What is missing: the object, or already the catalog or schema that it would be in."""
        if kind is ObjectKind.MODEL:
            return ResourceDoesNotExist(f"{kind.label} '{full_name}' does not exist.")
        above, name = kind.container, parent_of(full_name)
        if above is not ObjectKind.METASTORE:
            with self._workspace.store.read() as connection:
                if find(connection, above, name) is None:
                    return self._missing(above, name)
        return does_not_exist(kind.value, full_name)

    def _lack(self, target: UnityObject, privilege: str) -> _Lack | None:
        for one in target.path()[:-1]:
            if not self._holds(one, USE[one.kind]):
                return _Lack(USE[one.kind], one)
        return None if self._holds(target, privilege) else _Lack(privilege, target)

    def _no_manager(self, target: UnityObject) -> _Lack | None:
        for one in target.path():
            if self._owns(one):
                return None
            if one is not target and not self._holds(one, USE[one.kind]):
                return _Lack(USE[one.kind], one)
        return None if self._holds(target, "MANAGE") else _Lack("MANAGE", target)

    def _holds(self, target: UnityObject, privilege: str) -> bool:
        """Whether the caller owns the object, or was granted this on it or on what it is in; Hive's are everybody's."""
        if target.kind.is_in_catalogs and in_hive(target.full_name):
            return True
        enough = {privilege} if privilege in NOT_IN_ALL else {privilege, ALL_PRIVILEGES}
        holders = self._principal.holders
        if any(not enough.isdisjoint(self._grants.held(one, holders)) for one in target.path()):
            return True
        return self._owns(target)

    def _owns(self, target: UnityObject) -> bool:
        return target.owner.lower() in self._names

    @cached_property
    def _names(self) -> frozenset[str]:
        return owner_names(self._workspace.identity.principals, self._principal)

    @staticmethod
    def _refuse(lack: _Lack | None) -> None:
        if lack is not None:
            raise lack.error()
