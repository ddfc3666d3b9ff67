"""Who may do what in the workspace tree, by the vendor's rules for folders, notebooks and files.

Source: https://docs.databricks.com/security/auth/access-control/ ("Folder ACLs", "Notebook ACLs", "File ACLs").
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from brickyard.workspace.api.errors import InvalidParameterValue, PermissionDenied
from brickyard.workspace.catalog.storage import no_location
from brickyard.workspace.files.errors import LeadsAway
from brickyard.workspace.files.paths import tree_path
from brickyard.workspace.files.unity_access import UnityPlaces
from brickyard.workspace.identity.permissions import tree_object
from brickyard.workspace.identity.principals import Kind

if TYPE_CHECKING:
    from pathlib import Path

    from brickyard.workspace.catalog import TableRecord
    from brickyard.workspace.files.paths import Place
    from brickyard.workspace.files.tree import Tree
    from brickyard.workspace.identity import Identity, Principal
    from brickyard.workspace.identity.permissions import Permissions
    from brickyard.workspace.workspace import Workspace

__all__ = ["PlaceAccess", "TreeAccess", "grant_defaults"]

_FOR_ALL = frozenset({"/", "/Users", "/Shared", "/Repos"})  # everybody sees that they are there


class TreeAccess:
    """Checks paths of the workspace tree, as the API shows them, against what is granted.

    Args:
        permissions: What is granted.
        tree: What exists.
    """

    def __init__(self, permissions: Permissions, tree: Tree) -> None:
        self._permissions = permissions
        self._tree = tree

    def require(self, principal: Principal, path: str, level: str) -> None:
        """Refuse unless a principal has a level on an object or a folder above it.

        Raises:
            PermissionDenied: It does not.
        """
        if principal.is_admin:
            return
        path = tree_path(path)
        for one in {path, self._tree.real(path)}:  # what a link leads to counts too
            self._permissions.require(principal, tree_object(one), level)

    def require_sight(self, principal: Principal, path: str) -> None:
        """Refuse unless a principal may know that an object is there.

        Raises:
            PermissionDenied: It may not.
        """
        if not self.sees(principal, path):
            self.require(principal, path, "CAN_READ")

    def require_write(self, principal: Principal, path: str) -> None:
        """Refuse unless a principal may change what is at a path or, where there is nothing, create it.

        Raises:
            PermissionDenied: It may not.
        """
        path = tree_path(path)
        if self._tree.find(path) is not None:
            self.require(principal, path, "CAN_EDIT")
        else:
            self.require(principal, self._parent(path), "CAN_MANAGE")

    def require_directory(self, principal: Principal, path: str) -> None:
        """Refuse unless a principal may make a directory at a path; one that is there may be asked for by all.

        Raises:
            PermissionDenied: It may not.
        """
        path = tree_path(path)
        if self._tree.find(path) is None:
            self.require(principal, self._parent(path), "CAN_MANAGE")

    def manages(self, principal: Principal, path: str) -> bool:
        """Whether a principal may do everything with an object."""
        return self._permissions.allows(principal, tree_object(tree_path(path)), "CAN_MANAGE")

    def sees(self, principal: Principal, path: str) -> bool:
        """Whether a principal may read an object, or something below it."""
        path = tree_path(path)
        try:
            real = path if principal.is_admin else self._tree.real(path)
        except LeadsAway:
            return False
        if real != path:
            return self._permissions.allows(principal, tree_object(real), "CAN_READ")
        return (
            path in _FOR_ALL
            or self._permissions.allows(principal, tree_object(path), "CAN_READ")
            or self._permissions.reaches_below(principal, path)
        )

    def _parent(self, path: str) -> str:
        """The nearest folder above a path that exists."""
        parent = path.rpartition("/")[0] or "/"
        while parent != "/" and self._tree.find(parent) is None:
            parent = parent.rpartition("/")[0] or "/"
        return parent


class PlaceAccess:
    """Checks places of the Files API, whichever tree they are in.

    Args:
        workspace: Whose trees they are.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._unity = UnityPlaces(workspace)

    def require_read(self, principal: Principal, path: str) -> None:
        """Refuse unless a principal may read a file.

        Raises:
            PermissionDenied: It may not.
            InvalidParameterValue: The path is in none of the trees.
        """
        roots, place = self._workspace.files.roots, self._workspace.files.roots.place(path)
        if place.root is roots.workspace:
            self._workspace.files.access.require(principal, place.path, "CAN_READ")
        elif place.root is roots.artifacts:
            self._require_experiment(principal, place, "CAN_READ")
        elif place.root in (roots.volumes, roots.models):
            self._unity.require_read(principal, place)
        elif not principal.is_admin:
            self._unity.require_plain(place.local.resolve())
            self._unity.require_table(principal, place.local.resolve(), write=False)

    def require_sight(self, principal: Principal, path: str) -> None:
        """Refuse unless a principal may know of a directory.

        Raises:
            PermissionDenied: It may not.
            InvalidParameterValue: The path is in none of the trees.
        """
        place = self._workspace.files.roots.place(path)
        if place.root is self._workspace.files.roots.workspace:
            self._workspace.files.access.require_sight(principal, place.path)
        else:
            self.require_read(principal, path)

    def require_write(self, principal: Principal, path: str) -> None:
        """Refuse unless a principal may write or create a file or directory.

        Raises:
            PermissionDenied: It may not.
            InvalidParameterValue: The path is in none of the trees.
        """
        roots, place = self._workspace.files.roots, self._workspace.files.roots.place(path)
        if place.root is roots.workspace:
            self._workspace.files.access.require_write(principal, place.path)
        elif place.root is roots.artifacts:
            self._require_experiment(principal, place, "CAN_EDIT")
        elif place.root in (roots.volumes, roots.models):
            self._unity.require_write(principal, place)
        elif not principal.is_admin:
            self._unity.require_plain(place.local.resolve())
            self._unity.require_table(principal, place.local.resolve(), write=True)

    def require_local(self, principal: Principal, local: Path, *, write: bool, deep: bool = False) -> None:
        """Refuse unless a principal may read, or write, what is in a directory on disk; with `deep` all below it.

        Raises:
            PermissionDenied: It may not, or that is in none of the trees.
            ApiError: It belongs to an object that does not exist.
        """
        local = local.resolve()
        self._unity.require_plain(local)
        if deep:
            self._unity.require_below(principal, local, write=write)
        if self._is_outside(local):
            if not principal.is_admin and self._is_kept(local, deep=deep):
                raise PermissionDenied(f"Only administrators may use {local}: workspaces keep there what they hold.")
            self.require_elsewhere(principal, local, "WRITE_FILES" if write else "READ_FILES")
            return
        if principal.is_admin:
            return
        if self._unity.require_table(principal, local, write=write):
            return
        directories = {root.directory.resolve(): root for root in self._workspace.files.roots.all}
        inside = next((one for one in directories if local.is_relative_to(one)), None)
        if inside is None:
            raise PermissionDenied(f"Only administrators may use {local}.")
        path = f"{directories[inside].prefix}/{local.relative_to(inside).as_posix()}"
        (self.require_write if write else self.require_read)(principal, path)

    def require_plain(self, table: TableRecord) -> None:
        """Refuse a table with a row filter or masks.

        Raises:
            PermissionDenied: It is that.
        """
        if table.location is not None:
            self._unity.require_plain(table.directory.resolve())

    def require_dbfs(self, principal: Principal, path: str, *, write: bool = False, deep: bool = False) -> None:
        """Refuse where a path of DBFS is in a table's directory, or with `deep` around one, without its privileges.

        Raises:
            PermissionDenied: It may not.
            InvalidParameterValue: That is no path.
        """
        if principal.is_admin:
            return
        local = self._workspace.files.roots.located(
            path if path.startswith("dbfs:") else f"dbfs:{path}"
        ).local.resolve()
        self._unity.require_plain(local)
        self._unity.require_table(principal, local, write=write)
        if deep:
            self._unity.require_below(principal, local, write=write)

    def require_elsewhere(self, principal: Principal, local: Path, privilege: str) -> None:
        """Refuse unless a principal may do this in a directory outside of the workspace's data.

        Args:
            principal: Who.
            local: The directory, or a file.
            privilege: Of an external location.

        Raises:
            PermissionDenied: It may not.
            ApiError: `EXTERNAL_LOCATION_DOES_NOT_EXIST`: none is around it.
        """
        if self._workspace.files.mounting.around(local) and not self._unity.is_table(local):
            return  # what is mounted is everybody's
        in_table = privilege in ("READ_FILES", "WRITE_FILES") and self._unity.require_table(
            principal, local, write=privilege == "WRITE_FILES"
        )
        if not in_table and not self._unity.require_elsewhere(principal, local, privilege):
            raise no_location(local)

    def _is_kept(self, local: Path, *, deep: bool) -> bool:
        """Whether a place is one of workspaces: of their database and tokens, but not where a task works."""
        kept = self._workspace.catalog.storage.kept()
        runs = (self._workspace.root / "runs").resolve()
        works = local.is_relative_to(runs) and "work" in local.relative_to(runs).parts
        inside = any(map(local.is_relative_to, kept)) and not works
        return inside or (deep and any(one.is_relative_to(local) for one in kept))

    def _is_outside(self, local: Path) -> bool:
        return not local.is_relative_to(self._workspace.data.resolve())

    def require_delete(self, principal: Principal, path: str) -> None:
        """Refuse unless a principal may delete a file or directory.

        Raises:
            PermissionDenied: It may not.
            InvalidParameterValue: The path is in none of the trees.
        """
        place = self._workspace.files.roots.place(path)
        if place.root is self._workspace.files.roots.workspace:
            self._workspace.files.access.require(principal, place.path, "CAN_MANAGE")
        else:
            self.require_write(principal, path)

    def sees(self, principal: Principal, path: str) -> bool:
        """Whether an entry of a directory, which may itself be seen, is shown."""
        try:
            place = self._workspace.files.roots.place(path)
        except (LeadsAway, InvalidParameterValue):  # the latter: a task gave it a name that none can ask for
            return principal.is_admin
        in_tree = place.root is self._workspace.files.roots.workspace
        return not in_tree or self._workspace.files.access.sees(principal, place.path)

    def _require_experiment(self, principal: Principal, place: Place, level: str) -> None:
        if principal.is_admin:
            return
        if not place.names:
            raise PermissionDenied(f"Only administrators may use {place.path}.")
        experiment = self._workspace.registry.tracking.securable(place.names[0])
        self._workspace.identity.permissions.require(principal, experiment, level)


def grant_defaults(identity: Identity) -> None:
    """What a new workspace grants: all to administrators, `/Shared` to everybody, to the owner the own home."""
    permissions, principals = identity.permissions, identity.principals
    if permissions.grants(tree_object("/")):
        return  # it was done; what was changed since stays changed
    permissions.grant(tree_object("/"), principals.admins, "CAN_MANAGE")
    permissions.grant(tree_object("/Shared"), principals.users, "CAN_MANAGE")
    permissions.grant(tree_object(f"/Users/{identity.owner.user_name}"), identity.owner.id, "CAN_MANAGE")


def make_homes(identity: Identity, tree: Tree) -> None:
    """Give each user and service principal a home folder to manage: those there are, and those to come."""

    def make_home(principal_id: int, name: str) -> None:
        home = tree_object(f"/Users/{name}")
        tree.protect(home.id)
        if all(
            grant.principal_id != principal_id or grant.source != home for grant in identity.permissions.grants(home)
        ):
            identity.permissions.grant(home, principal_id, "CAN_MANAGE")

    identity.directory.on_principal(lambda who: make_home(who.id, who.user_name))
    for kind in (Kind.USER, Kind.SERVICE_PRINCIPAL):
        for account in identity.directory.accounts(kind):
            make_home(account.id, account.user_name)
