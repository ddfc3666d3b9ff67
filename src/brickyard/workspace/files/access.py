"""Who may do what in the workspace tree, by the vendor's rules for folders, notebooks and files.

Source: https://docs.databricks.com/security/auth/access-control/ ("Folder ACLs", "Notebook ACLs", "File ACLs").
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from brickyard.workspace.files.paths import tree_path
from brickyard.workspace.identity.permissions import tree_object

if TYPE_CHECKING:
    from brickyard.workspace.files.tree import Tree
    from brickyard.workspace.identity import Identity, Principal
    from brickyard.workspace.identity.permissions import Permissions

__all__ = ["TreeAccess", "grant_defaults"]

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
        self._permissions.require(principal, tree_object(tree_path(path)), level)

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

    def sees(self, principal: Principal, path: str) -> bool:
        """Whether a principal may read an object, or something below it."""
        path = tree_path(path)
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


def grant_defaults(identity: Identity) -> None:
    """What a new workspace grants: all to administrators, `/Shared` to everybody, to the owner the own home."""
    permissions, principals = identity.permissions, identity.principals
    if permissions.grants(tree_object("/")):
        return  # it was done; what was changed since stays changed
    permissions.grant(tree_object("/"), principals.admins, "CAN_MANAGE")
    permissions.grant(tree_object("/Shared"), principals.users, "CAN_MANAGE")
    permissions.grant(tree_object(f"/Users/{identity.owner.user_name}"), identity.owner.id, "CAN_MANAGE")
