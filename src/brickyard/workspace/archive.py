"""The file that a backup writes and a restore reads: a compressed tar, with what it is at its beginning."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import gzip
import io
import json
import os
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath

from brickyard import __version__
from brickyard.errors import WorkspaceProcessError

__all__ = ["CONTENTS", "Manifest", "Writer", "extract", "read_manifest", "write"]

#: What of a workspace's directory is in an archive.
CONTENTS = ("workspace.db", "key", "token", "runs", "serving", "data")
_FORMAT = 1
_MANIFEST = "brickyard-backup.json"
_END = "complete"


class _Refused(Exception):
    """An archive has what no backup has."""


_FAULTS = (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, ValueError, OverflowError, RecursionError)
_MANIFEST_BYTES = 1 << 16


@dataclass(frozen=True)
class Manifest:
    """What an archive is of.

    Attributes:
        workspace: The name of the workspace that it was written of.
        workspace_id: Its number.
        data: Where its data was; the database names places below it.
        schema: The version of the database's tables.
        brickyard: The version of Brickyard that wrote it.
        created: When, in UTC.
        format: The version of the archive's own shape.
    """

    workspace: str
    workspace_id: int
    data: str
    schema: int
    brickyard: str = __version__
    created: str = ""
    format: int = _FORMAT


class Writer:
    """Adds files to an archive.

    Attributes:
        left_out: Links that lead out of their tree: what they lead to is not the workspace's.
    """

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar
        self.left_out: list[Path] = []

    def text(self, name: str, text: str) -> None:
        """Add a file of that content."""
        content = text.encode()
        member = tarfile.TarInfo(name)
        member.size, member.mode = len(content), 0o600
        self._tar.addfile(member, io.BytesIO(content))

    def file(self, name: str, path: Path) -> None:
        """Add a file, a directory without what is in it, or a link under that name."""
        member = self._tar.gettarinfo(path, name)
        if not (member.isreg() or member.islnk()):
            self._tar.addfile(member)
            return
        with path.open("rb") as content:  # each file by itself, also where two names share it
            member.type, member.linkname, member.size = tarfile.REGTYPE, "", path.stat().st_size
            self._tar.addfile(member, content)

    def tree(self, name: str, directory: Path, skipped: frozenset[Path] = frozenset()) -> None:
        """Add a directory with its files, directories and links; sockets end with their server."""
        self.file(name, directory)
        for place, directories, files in os.walk(directory):
            for path in (Path(place, entry) for entry in sorted([*directories, *files])):
                if path in skipped:
                    continue
                if path.is_symlink() and not _stays(path, directory):
                    self.left_out.append(path)
                elif path.is_symlink() or path.is_dir() or path.is_file():
                    self.file(f"{name}/{path.relative_to(directory)}", path)


@contextlib.contextmanager
def write(file: Path, manifest: Manifest) -> Iterator[Writer]:
    """Write an archive of mode 0600; there is none, or the older one, unless all of it could be written.

    Raises:
        WorkspaceProcessError: The disk is full, or the place not writable.
    """
    temporary = None
    try:
        handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
        with os.fdopen(handle, "wb") as target:
            with tarfile.open(fileobj=target, mode="w:gz", compresslevel=1, format=tarfile.PAX_FORMAT) as tar:
                writer = Writer(tar)
                created = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
                writer.text(_MANIFEST, json.dumps(asdict(manifest) | {"created": created}))
                yield writer
                writer.text(_END, "")
            target.flush()
            os.fsync(target.fileno())
        Path(temporary).replace(file)
    except OSError as error:
        mine = error.filename is None or Path(error.filename).parent == file.parent
        raise WorkspaceProcessError(
            f"the backup cannot be written: {error.strerror}",
            where=str(file if mine else error.filename),
            next="make room or give access, or name another file",
        ) from error
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)


def read_manifest(file: Path) -> Manifest:
    """What an archive is of.

    Raises:
        WorkspaceProcessError: It is no backup, damaged, or of a newer Brickyard.
    """
    with _opened(file) as tar:
        first = tar.next()
        content = tar.extractfile(first) if first is not None and first.name == _MANIFEST else None
        if content is None:
            raise _unfit(file, "it is not a backup of a workspace")
        fields = json.loads(content.read(_MANIFEST_BYTES))
    if not isinstance(fields, dict) or not isinstance(fields.get("format"), int):
        raise _unfit(file, "it is not a backup of a workspace")
    if fields["format"] > _FORMAT:
        raise _unfit(file, f"a newer Brickyard wrote it ({fields.get('brickyard')})", "upgrade brickyard")
    kinds = {field.name: int if field.type == "int" else str for field in dataclasses.fields(Manifest)}
    if not all(name in kinds and isinstance(value, kinds[name]) for name, value in fields.items()):
        raise _unfit(file, "it is damaged")
    try:
        return Manifest(**fields)
    except TypeError as error:
        raise _unfit(file, "it is damaged") from error


def extract(file: Path, directory: Path, data: Path) -> None:
    """Unpack an archive: what is below `data/` into one directory, all else into another.

    No path and no link leaves its directory, whatever the archive says.

    Raises:
        WorkspaceProcessError: It is damaged or was cut off, would leave the directory, or the disk is full.
    """
    complete, links = False, []
    with _opened(file) as tar:
        for member in tar:
            complete = member.name == _END
            if member.issym():
                links.append(member)
            elif member.name not in (_MANIFEST, _END):
                _extract(tar, member, directory, data)
        while tar.fileobj is not None and tar.fileobj.read(1 << 20):
            continue  # what follows has the checksum of it all
        for link in links:  # last, so that nothing is written through one
            _extract(tar, link, directory, data)
        for link in links:  # again, since a later one may have changed where an earlier one leads
            _check_link(link, *_place(link, directory, data))
    if not complete:
        raise _unfit(file, "it was cut off")


def _extract(tar: tarfile.TarFile, member: tarfile.TarInfo, directory: Path, data: Path) -> None:
    top, _, below = member.name.partition("/")
    if top not in CONTENTS or not (member.isreg() or member.isdir() or member.issym()):
        raise _Refused(f"{member.name!r} is nothing that a workspace has")
    if top != "data" or below:
        _put(tar, member, *_place(member, directory, data))


def _place(member: tarfile.TarInfo, directory: Path, data: Path) -> tuple[str, Path]:
    """The name of a member in the directory that it belongs to, and that directory."""
    top, _, below = member.name.partition("/")
    return (below, data) if top == "data" else (member.name, directory)


def _put(tar: tarfile.TarFile, member: tarfile.TarInfo, name: str, root: Path) -> None:
    """Unpack one member; Python has its own filter for this only since 3.11.4."""
    path = PurePosixPath(name)
    target = root.joinpath(*path.parts)
    if path.is_absolute() or ".." in path.parts or not target.parent.resolve().is_relative_to(root.resolve()):
        raise _Refused(f"{member.name!r} would leave the workspace's directory")
    if member.isdir():
        target.mkdir(parents=True, exist_ok=True)
        target.chmod(member.mode & 0o755 | 0o700)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    if member.issym():
        _check_link(member, name, root)
        target.symlink_to(member.linkname)
        return
    content = tar.extractfile(member)
    assert content is not None  # it is a regular file
    with content, target.open("xb") as file:
        shutil.copyfileobj(content, file, 1 << 20)
    target.chmod(member.mode & 0o755 | 0o600)
    os.utime(target, (member.mtime, member.mtime))


def _check_link(member: tarfile.TarInfo, name: str, root: Path) -> None:
    """Make sure that a link leads to somewhere below its root."""
    to, place = PurePosixPath(member.linkname), root.joinpath(name).parent
    if to.is_absolute() or not (place / to).resolve().is_relative_to(root.resolve()):
        raise _Refused(f"the link {member.name!r} would leave the workspace's directory")


def _stays(link: Path, directory: Path) -> bool:
    """Whether a link is relative, and leads to below the directory."""
    to = link.readlink()
    return not to.is_absolute() and (link.parent / to).resolve().is_relative_to(directory.resolve())


@contextlib.contextmanager
def _opened(file: Path) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(file, "r:gz", errorlevel=2) as tar:
            yield tar
    except _Refused as error:
        raise _unfit(file, f"it has what no backup has: {error}", "do not use it") from error
    except _FAULTS as error:
        raise _unfit(file, f"it is damaged, or no backup: {error}") from error
    except OSError as error:
        raise WorkspaceProcessError(
            f"the backup cannot be restored: {error.strerror or error}",
            where=str(error.filename or file),
            next="name a backup that can be read, and make room",
        ) from error


def _unfit(file: Path, why: str, next: str = "name another backup") -> WorkspaceProcessError:
    return WorkspaceProcessError(f"the backup cannot be restored: {why}", where=str(file), next=next)
