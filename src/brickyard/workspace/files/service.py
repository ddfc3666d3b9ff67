"""The files of a workspace, for the API and for the services that run and store things."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from brickyard.workspace.api.errors import InvalidParameterValue, NotFound, PermissionDenied
from brickyard.workspace.files.access import PlaceAccess, TreeAccess, grant_defaults, make_homes
from brickyard.workspace.files.dbfs import Dbfs
from brickyard.workspace.files.mounts import Mounts
from brickyard.workspace.files.notebooks import NotebookSource
from brickyard.workspace.files.paths import Place, Roots
from brickyard.workspace.files.repos import Repos
from brickyard.workspace.files.storage import Storage
from brickyard.workspace.files.tree import Tree
from brickyard.workspace.identity.git_credentials import GitCredentials
from brickyard.workspace.identity.git_hosts import GitHosts
from brickyard.workspace.identity.permissions import tree_object

if TYPE_CHECKING:
    from brickyard.workspace.identity import Principal
    from brickyard.workspace.workspace import Workspace

__all__ = ["Files", "build"]


class Files:
    """Workspace tree, volumes, models, artifacts and DBFS.

    Attributes:
        roots: Where each tree of files is kept.
        storage: How content is written in one step.
        tree: Notebooks, files and directories of the workspace.
        access: Who may do what with them.
        place_access: Who may do what with the files of any tree.
        dbfs: The tree behind `dbfs:/`.
        mounting: What is mounted into it.
        repos: Git folders in the workspace tree.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self.storage = Storage(workspace.data)
        self.roots = Roots(workspace.data)
        home = f"/Users/{workspace.identity.owner.user_name}"
        permissions = workspace.identity.permissions
        self.tree = Tree(workspace.store, self.roots, self.storage, permissions, (home, "/Shared", "/Repos"))
        self.access = TreeAccess(permissions, self.tree)
        self.place_access = PlaceAccess(workspace)
        self.dbfs = Dbfs(self)
        self.mounting = Mounts(workspace, self.roots)
        self.repos = Repos(workspace, self)
        grant_defaults(workspace.identity)
        make_homes(workspace.identity, self.tree)

    @cached_property
    def git_credentials(self) -> GitCredentials:
        """With what Git providers are asked."""
        return GitCredentials(self._workspace.store, self._workspace.secrets.vault)

    @cached_property
    def git_hosts(self) -> GitHosts:
        """Where these credentials go."""
        return GitHosts(self._workspace.store)

    def ensure_repos_folder(self, principal: Principal) -> None:
        """Make the folder below `/Repos` that is a principal's own."""
        folder = f"/Repos/{principal.user_name}"
        if self.tree.find(folder) is None:
            self.tree.make_directory(folder)
            self._workspace.identity.permissions.grant(tree_object(folder), principal.id, "CAN_MANAGE")

    def mounts(self) -> dict[str, Path]:
        """What a task sees under which prefix, for example `/Volumes`."""
        return {root.prefix: root.directory for root in (self.roots.workspace, self.roots.volumes, self.roots.dbfs)}

    def read_notebook(self, path: str) -> NotebookSource:
        """A notebook of the workspace tree, given with or without `/Workspace`.

        Raises:
            ResourceDoesNotExist: There is nothing at the path.
            InvalidParameterValue: It is not a notebook.
        """
        return self.tree.read_notebook(path)

    def local_path(self, path: str) -> Path:
        """The file on disk behind `/Workspace/..`, `/Users/..`, `/Volumes/..`, `dbfs:/..` or `/dbfs/..`.

        It need not exist. No path leads out of its tree.

        Raises:
            InvalidParameterValue: The path is in none of the trees, or would leave it.
        """
        return self.roots.located(path).local

    def exists(self, path: str) -> bool:
        """Whether there is a file or directory at a path, in any of the forms of `local_path`."""
        return self.local_path(path).exists()

    def readable(self, path: str) -> Place:
        """Where a path of the Files API is, if it may be read.

        Raises:
            InvalidParameterValue: The path names no file or directory of any tree.
            NotFound: Its volume does not exist.
        """
        place = self.roots.place(path)
        if len(place.names) < place.root.depth:
            raise InvalidParameterValue(f"The path {place.path} must name at least {place.root.depth} levels.")
        if place.root is self.roots.volumes and not self._workspace.catalog.has_volume(".".join(place.container)):
            raise NotFound(f"The volume '{'.'.join(place.container)}' does not exist.")
        return place

    def loadable(self, path: str) -> Place:
        """Where a file is whose content may be read.

        Raises:
            InvalidParameterValue: As for `readable`.
            NotFound: As for `readable`.
            PermissionDenied: It belongs to a model version whose files are not complete.
        """
        place = self.readable(path)
        if place.root is self.roots.models and place.container[3].isdecimal():
            name, version = ".".join(place.container[:3]), place.container[3]
            if not self._workspace.registry.is_sealed(name, int(version)):
                raise PermissionDenied(f"Version {version} of the model {name} is not READY: its upload has not ended.")
        return place

    def writable(self, path: str) -> Place:
        """Where a path of the Files API is, if it may be written or deleted.

        Raises:
            InvalidParameterValue: As for `readable`; also for a volume or another container itself.
            NotFound: As for `readable`.
            PermissionDenied: It belongs to a model version whose files are final.
        """
        place = self.readable(path)
        if len(place.names) <= place.root.depth and place.root is not self.roots.models:
            raise InvalidParameterValue(f"The path {place.path} is not a file or directory that can be changed.")
        if place.root is self.roots.workspace and self.tree.is_protected(place.path):
            raise InvalidParameterValue(f"The folder {place.path} is protected.")
        if place.root is self.roots.models:
            self._check_sealed(place)
        return place

    def _check_sealed(self, place: Place) -> None:
        name, version = ".".join(place.container[:3]), place.container[3]
        if not version.isdecimal():
            raise InvalidParameterValue(f"The path {place.path} must name a version's number.")
        if self._workspace.registry.is_sealed(name, int(version)):
            raise PermissionDenied(f"The files of version {version} of the model {name} are final.")


def build(workspace: Workspace) -> Files:
    """The files service of a workspace."""
    return Files(workspace)
