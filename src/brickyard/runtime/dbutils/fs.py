"""`dbutils.fs`: files of DBFS, volumes, the workspace tree and the driver's disk."""

from __future__ import annotations

import contextlib
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from brickyard.runtime import paths
from brickyard.runtime.context import TaskContext
from brickyard.runtime.dbutils.base import Part
from brickyard.runtime.ending import NotSupported
from brickyard.runtime.rest import ApiFailure, WorkspaceApi

__all__ = ["FileInfo", "FileSystem", "MountInfo"]

_MOUNTS = "/api/2.0/dbfs/mounts"
_PLACES = "/api/2.1/unity-catalog/temporary-path-credentials"
_NOT_IMPLEMENTED = 501
_FORBIDDEN = 403


class FileInfo(NamedTuple):
    """A file or directory; a directory's path and name end with a slash. The time is epoch milliseconds."""

    path: str
    name: str
    size: int
    modificationTime: int

    def isDir(self) -> bool:
        """Whether it is a directory."""
        return self.name.endswith("/")

    def isFile(self) -> bool:
        """Whether it is a file."""
        return not self.isDir()


class MountInfo(NamedTuple):
    """A place in DBFS, and what is mounted there."""

    mountPoint: str
    source: str
    encryptionType: str


class FileSystem(Part):
    """Files by their path: `dbfs:/..` or `/..`, `/Volumes/..`, `/Workspace/..`, `file:/..`."""

    _name = "dbutils.fs"

    def __init__(self, context: TaskContext) -> None:
        self._mounts = context.mounts
        self._api = WorkspaceApi(context.api_url, context.token)

    def ls(self, path: str) -> list[FileInfo]:
        """List a directory."""
        place = self._existing(path)
        if place.is_file():
            return [_info(path, place)]
        base = path.rstrip("/")
        return [_info(f"{base}/{entry.name}", entry) for entry in sorted(place.iterdir())]

    def head(self, file: str, max_bytes: int = 65536) -> str:
        """The beginning of a file as text."""
        place = self._existing(file)
        if place.is_dir():
            raise IsADirectoryError(f"java.lang.IllegalArgumentException: Cannot head a directory: {file}")
        with place.open("rb") as stream:
            content = stream.read(max_bytes + 1)
        if len(content) > max_bytes:
            sys.stdout.write(f"[Truncated to first {max_bytes} bytes]\n")
        return content[:max_bytes].decode(errors="ignore")

    def put(self, file: str, contents: str, overwrite: bool = False) -> bool:
        """Write a text to a file."""
        place = self._place(file, write=True)
        if place.exists() and not overwrite:
            raise FileExistsError(f"{file} already exists; dbutils.fs.put(file, contents, True) replaces it")
        data = contents.encode()
        with _named(file):
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
        sys.stdout.write(f"Wrote {len(data)} bytes.\n")
        return True

    def mkdirs(self, dir: str) -> bool:
        """Make a directory and those above it."""
        with _named(dir):
            self._place(dir, write=True).mkdir(parents=True, exist_ok=True)
        return True

    def rm(self, dir: str, recurse: bool = False) -> bool:
        """Remove a file or a directory; false where there is nothing."""
        place = self._place(dir, write=True, deep=recurse)
        if not place.exists():
            return False
        if place.is_file():
            place.unlink()
        elif place.is_symlink():
            raise OSError(f"{dir} is mounted; dbutils.fs.unmount({dir!r}) ends that, and leaves the files")
        elif recurse:
            shutil.rmtree(place)
        elif any(place.iterdir()):
            raise OSError(f"{dir} is a directory that is not empty; dbutils.fs.rm(dir, True) removes it")
        else:
            place.rmdir()
        return True

    def cp(self, source: str, dest: str, recurse: bool = False) -> bool:
        """Copy a file, or a directory with all it has."""
        origin, target = self._existing(source, deep=recurse), self._place(dest, write=True)
        if origin.is_dir():
            if not recurse:
                raise IsADirectoryError(f"{source} is a directory; dbutils.fs.cp(source, dest, True) copies it")
            shutil.copytree(origin, target, dirs_exist_ok=True)
            return True
        target = target / origin.name if target.is_dir() else target
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(origin, target)
        return True

    def mv(self, source: str, dest: str, recurse: bool = False) -> bool:
        """Move a file, or a directory with all it has."""
        self.cp(source, dest, recurse)
        return self.rm(source, recurse)

    def mount(
        self,
        source: str,
        mount_point: str,
        encryption_type: str = "",
        owner: str | None = None,
        extra_configs: Mapping[str, str] | None = None,
    ) -> bool:
        """Mount a directory of this machine (`file:/...`) or of DBFS; for administrators."""
        return self._mount(source, mount_point, encryption_type, replace=False)

    def updateMount(
        self,
        source: str,
        mount_point: str,
        encryption_type: str = "",
        owner: str | None = None,
        extra_configs: Mapping[str, str] | None = None,
    ) -> bool:
        """Mount another directory where one is mounted; for administrators."""
        return self._mount(source, mount_point, encryption_type, replace=True)

    def mounts(self) -> list[MountInfo]:
        """What is mounted into DBFS."""
        found = self._api.get(_MOUNTS)["mounts"]
        fixed = (MountInfo("/Volumes", "UnityCatalogVolumes", ""), MountInfo("/", "DatabricksRoot", ""))
        return [*(MountInfo(one["point"], one["source"], "") for one in found), *fixed]

    def refreshMounts(self) -> bool:
        """Look for mounts that others have made; they are found at once."""
        self._api.get(_MOUNTS)
        return True

    def unmount(self, mount_point: str) -> bool:
        """End a mount; the files stay. For administrators."""
        self._api.delete(_MOUNTS, point=mount_point)
        sys.stdout.write(f"{mount_point} has been unmounted.\n")
        return True

    def _mount(self, source: str, point: str, encryption: str, *, replace: bool) -> bool:
        if encryption:
            raise NotSupported(f"dbutils.fs.mount: the encryption type {encryption!r} is one of cloud storage")
        try:
            self._api.post(_MOUNTS, source=source, point=point, replace=replace)
        except ApiFailure as error:
            if error.status == _NOT_IMPLEMENTED:
                raise NotSupported(f"dbutils.fs.mount: {error.message}") from None
            raise
        return True

    def _place(self, path: str, *, write: bool = False, deep: bool = False) -> Path:
        place = paths.spark_path(path)
        names = place.split("/")[2:]
        if place.startswith("/Volumes/") and len(names) >= 3:
            volume = paths.to_local("/".join(["/Volumes", *names[:3]]), self._mounts)
            if not volume.is_dir():
                raise FileNotFoundError(f"the volume {'.'.join(names[:3])} does not exist")
        local = paths.to_local(place, self._mounts)
        if place.startswith(("/Volumes/", "/dbfs/")):
            self._require(path, local, write=write, deep=deep)
        return local

    def _require(self, path: str, local: Path, *, write: bool, deep: bool) -> None:
        operation = "PATH_READ_WRITE" if write else "PATH_READ"
        try:
            self._api.post(_PLACES, url=local.resolve().as_uri(), operation=operation, recursive=deep)
        except ApiFailure as error:
            if error.status == _FORBIDDEN:
                raise PermissionError(f"{path}: {error}") from None

    def _existing(self, path: str, *, deep: bool = False) -> Path:
        place = self._place(path, deep=deep)
        if not place.exists():
            # Programs that ask whether a file is there look for the Java exception's name in the message.
            raise FileNotFoundError(f"java.io.FileNotFoundException: No such file or directory: {path}")
        return place


def _info(path: str, place: Path) -> FileInfo:
    status = place.stat()
    shown = path if ":" in path.split("/", 1)[0] else f"dbfs:{path if path.startswith('/') else '/' + path}"
    modified = int(status.st_mtime * 1000)
    if place.is_dir():
        return FileInfo(f"{shown}/", f"{place.name}/", 0, modified)
    return FileInfo(shown, place.name, status.st_size, modified)


@contextlib.contextmanager
def _named(path: str) -> Iterator[None]:
    """Errors of files name the path that was given, and not where that is on this machine."""
    try:
        yield
    except OSError as error:
        if error.strerror is None:
            raise
        raise type(error)(f"{path}: {error.strerror}") from None
