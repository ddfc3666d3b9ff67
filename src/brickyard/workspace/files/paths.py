"""Paths of the API and where they are kept: several roots, and none of them can be left."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from brickyard.workspace.api.errors import InvalidParameterValue
from brickyard.workspace.files.errors import LeadsAway

__all__ = ["Place", "Root", "Roots", "normal", "tree_path"]

_MAX_PATH = 4000
_MAX_NAME = 255
# Source: mlflow.store.artifact.databricks_run_artifact_repo and ..._logged_model_artifact_repo (3.17.2).
_LOGGED_MODEL = re.compile(r"/dbfs/databricks/mlflow-tracking/([^/]+)/logged_models/([^/]+)(/.*)?")
_RUN = re.compile(r"/dbfs/databricks/mlflow-tracking/([^/]+)/(?!tr-)([^/]+)(/.*)?")
_ARTIFACTS = "/WorkspaceInternal/Mlflow/Artifacts"


@dataclass(frozen=True)
class Root:
    """One tree of files.

    Attributes:
        prefix: How its paths begin, for example `/Volumes`.
        directory: Where it is kept.
        depth: How many names lead to a container (a volume: catalog, schema, volume); above it there are no files.
        folded: How many of the leading names are the same in upper and lower case.
        granted: How many names lead to what has permissions of its own, which no link leaves.
        parted: Of what first names each name below has permissions of its own, for example `Users`.
    """

    prefix: str
    directory: Path
    depth: int = 0
    folded: int = 0
    granted: int = 0
    parted: tuple[str, ...] = ()

    def enclosure(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """The names of the place that a path stays in, wherever links on it lead; this place is no link itself."""
        return names[: self.granted + (1 if names and names[0] in self.parted else 0)]


@dataclass(frozen=True)
class Place:
    """A path of the API and where it is kept.

    Attributes:
        root: The tree that it belongs to.
        names: The names below the root.
        local: The file or directory on disk; it need not exist.
    """

    root: Root
    names: tuple[str, ...]
    local: Path

    @property
    def path(self) -> str:
        """The path as the API shows it."""
        return "/".join((self.root.prefix, *self.names))

    @property
    def container(self) -> tuple[str, ...]:
        """The names of the container, for example of the volume."""
        return self.names[: self.root.depth]


class Roots:
    """All trees of a workspace."""

    def __init__(self, data: Path) -> None:
        self.workspace = Root("/Workspace", data / "workspace", granted=1, parted=("Users", "Repos"))
        self.volumes = Root("/Volumes", data / "volumes", depth=3, folded=3, granted=3)
        self.models = Root("/Models", data / "models", depth=4, folded=3, granted=4)
        self.artifacts = Root(_ARTIFACTS, data / "mlflow" / "artifacts", granted=1)
        self.dbfs = Root("/dbfs", data / "dbfs")
        #: Names of external volumes, and where their files are; the catalog tells.
        self.elsewhere: dict[tuple[str, ...], Path] = {}
        #: Names of places in DBFS, and the directories that are mounted there.
        self.mounted: dict[tuple[str, ...], Path] = {}
        self.all = (self.workspace, self.volumes, self.models, self.artifacts, self.dbfs)
        for root in self.all:
            root.directory.mkdir(parents=True, exist_ok=True)

    def place(self, path: str) -> Place:
        """Where an absolute path such as `/Volumes/main/default/raw/a.csv` is kept.

        Raises:
            InvalidParameterValue: The path is in none of the trees, or is not a path.
            LeadsAway: By a link it would leave its volume, model version, experiment or top folder.
        """
        clean = normal(path)
        for root in self.all:
            if clean == root.prefix or clean.startswith(root.prefix + "/"):
                return self._in(root, tuple(clean[len(root.prefix) :].split("/")[1:]))
        known = ", ".join(f"{root.prefix}/" for root in self.all)
        raise InvalidParameterValue(f"The path {path} must begin with one of {known}.")

    def _in(self, root: Root, names: tuple[str, ...]) -> Place:
        names = tuple(name.lower() for name in names[: root.folded]) + names[root.folded :]
        if root is self.dbfs:
            for point, target in self.mounted.items():
                if names[: len(point)] == point:
                    return _place(root, names, target, len(point))
        home = self.elsewhere.get(names[: root.granted]) if root is self.volumes else None
        return _place(root, names, home, root.granted)

    def status(self, place: Place, name: str) -> os.stat_result | None:
        """The state of an entry of a directory; of a link that leads away or to nothing, that of the link itself."""
        local = place.local / name
        try:
            if not local.is_symlink():
                return local.stat()
            return self._in(place.root, (*place.names, name)).local.stat()
        except (OSError, LeadsAway):
            return local.lstat() if local.is_symlink() else None

    def located(self, uri: str) -> Place:
        """Where a path is kept in any form that user code writes: also `dbfs:/`, `/dbfs/` and `/Users/...`.

        Raises:
            InvalidParameterValue: As for `place`.
            LeadsAway: As for `place`.
        """
        path = normal("/dbfs/" + uri[5:] if uri.startswith("dbfs:") else uri)
        for prefix in ("/Volumes/", "/Workspace/", "/Models/"):
            if path.startswith("/dbfs" + prefix):
                path = path.removeprefix("/dbfs")
        if path.split("/")[1:2] in (["Users"], ["Shared"], ["Repos"]):
            path = "/Workspace" + path
        return self.place(_artifact(path))


def normal(path: str) -> str:
    """An absolute path without empty names and `.`, as `/a/b`; the root is the empty string.

    Raises:
        InvalidParameterValue: It is not absolute, has `..` or a NUL, is not text, or is too long.
    """
    if not path.startswith("/"):
        raise InvalidParameterValue(f"Path ({path}) doesn't start with '/'")
    names = [name for name in path.split("/") if name not in ("", ".")]
    try:
        sizes = [len(name.encode()) for name in names]
    except UnicodeEncodeError as error:
        raise InvalidParameterValue("The path is not valid Unicode text.") from error
    if ".." in names or any(ord(letter) < 32 or ord(letter) == 127 for name in names for letter in name):
        raise InvalidParameterValue(f"The path {path!r} has a name that is not allowed ('..' or a control character).")
    if sum(sizes) + len(sizes) > _MAX_PATH or max(sizes, default=0) > _MAX_NAME:
        raise InvalidParameterValue(f"The path is too long: at most {_MAX_NAME} bytes a name, {_MAX_PATH} in all.")
    return "".join(f"/{name}" for name in names)


def tree_path(path: str) -> str:
    """A path of the workspace tree, as the API shows it: `/Workspace/Users/me` and `/Users/me` are the same.

    Raises:
        InvalidParameterValue: As for `normal`.
    """
    clean = normal(path)
    if clean == "/Workspace" or clean.startswith("/Workspace/"):
        clean = clean.removeprefix("/Workspace")
    return clean or "/"


def _place(root: Root, names: tuple[str, ...], home: Path | None, depth: int) -> Place:
    """A place of a tree; `home` is where the files below the first `depth` names are, if they are elsewhere."""
    local = root.directory.joinpath(*names) if home is None else home.joinpath(*names[depth:])
    inside = "/".join((os.path.realpath(root.directory), *root.enclosure(names))) if home is None else str(home)
    if os.path.commonpath([inside, os.path.realpath(local)]) != inside:
        path = "/".join((root.prefix, *names))
        raise LeadsAway(f"The path {path} leaves {'/'.join((root.prefix, *root.enclosure(names)))} by a link.")
    return Place(root, names, local)


def _artifact(path: str) -> str:
    """MLflow's artifact URIs name a place in DBFS; its clients keep the files where this says."""
    if match := _LOGGED_MODEL.fullmatch(path):
        return f"{_ARTIFACTS}/{match[1]}/LoggedModels/{match[2]}{match[3] or ''}"
    if match := _RUN.fullmatch(path):
        return f"{_ARTIFACTS}/{match[1]}/Runs/{match[2]}{match[3] or ''}"
    return path
