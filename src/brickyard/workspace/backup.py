"""A workspace in one file: database, data, key and tokens, as they were at one moment."""

from __future__ import annotations

import contextlib
import sqlite3
import tempfile
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from brickyard.errors import BrickyardError, UsageError, WorkspaceProcessError
from brickyard.workspace import data_directory, local_api, process
from brickyard.workspace.archive import Manifest, Writer, write
from brickyard.workspace.layout import Layout, Settings

__all__ = ["Backup", "backup"]

_TREES = ("runs", "serving")


@dataclass(frozen=True)
class Backup:
    """What was written.

    Attributes:
        file: The archive.
        left_out: Links that lead out of the workspace, and are not in it.
    """

    file: Path
    left_out: list[Path]


def backup(name: str, file: Path, *, restart: bool = False, force: bool = False) -> Backup:
    """Write a workspace into a file of mode 0600. Nothing runs while it is copied, so that all of it fits together.

    Args:
        name: The workspace.
        file: Where to; a file that is there is replaced at the end.
        restart: Stop a running workspace, and start it again afterwards.
        force: Do so even where runs are active.

    Raises:
        UsageError: The file would be in the workspace itself.
        WorkspaceProcessError: The workspace runs, has active runs, is damaged or is in PostgreSQL, or the disk is full.
    """
    layout, target = process.existing(name), file.expanduser().absolute()
    settings = layout.read_settings()
    _check(layout, settings, target)
    with _stopped(layout, restart=restart, force=force), layout.held("backup"):
        return _write(layout, settings, target)


def _check(layout: Layout, settings: Settings, file: Path) -> None:
    if not settings.workspace_id or not layout.token.exists():
        raise WorkspaceProcessError(f"the workspace {layout.name!r} has never started", where=str(layout.root))
    if settings.database_url is not None:
        raise WorkspaceProcessError(
            f"the workspace {layout.name!r} keeps its database in PostgreSQL, which this does not copy",
            where=process.status(layout.name).database,
            next=f"stop it, copy the database with pg_dump, and {layout.root} and {layout.data(settings)} as files",
        )
    for own in (layout.root, layout.data(settings)):
        if file.resolve().is_relative_to(own.resolve()):
            raise UsageError("the backup would be in what it copies", where=str(file), next="name a file elsewhere")


@contextlib.contextmanager
def _stopped(layout: Layout, *, restart: bool, force: bool) -> Iterator[None]:
    """The workspace, stopped for a while; it is started again however the while ends."""
    running = process.status(layout.name).state == "running"
    if running and not restart:
        raise WorkspaceProcessError(
            f"the workspace {layout.name!r} is running",
            where=str(layout.root),
            next="add --restart, which stops it for the time of the copy, or stop it before",
        )
    if running:
        if not force:
            _check_idle(layout)
        process.stop(layout.name)
    failed: BrickyardError | None = None
    try:
        yield
    except BrickyardError as error:
        failed = error
        raise
    finally:
        if running:
            _start_again(layout, failed)


def _start_again(layout: Layout, failed: BrickyardError | None) -> None:
    try:
        process.start(layout.name)
    except BrickyardError as error:
        if failed is None:
            raise
        raise WorkspaceProcessError(
            f"{failed.message}; and after that: {error.message}", where=failed.where, next=failed.next
        ) from error


def _check_idle(layout: Layout) -> None:
    runs = local_api.call(layout, "GET", "/api/2.2/jobs/runs/list?active_only=true").get("runs", [])
    if runs:
        numbers = ", ".join(str(run["run_id"]) for run in runs[:5])
        raise WorkspaceProcessError(
            f"runs of the workspace {layout.name!r} are active, and the copy would end them: {numbers}",
            where=str(layout.root),
            next="wait for their end, or add --force",
        )


def _write(layout: Layout, settings: Settings, file: Path) -> Backup:
    data = layout.data(settings)
    with tempfile.TemporaryDirectory(dir=layout.root, prefix=".backup-") as directory:
        copies = _databases(layout, data, Path(directory))
        schema = _schema(copies["workspace.db"], layout.database)
        manifest = Manifest(layout.name, settings.workspace_id, str(data.resolve()), schema)
        with write(file, manifest) as writer:
            for name, path in copies.items():
                writer.file(name, path)
            _write_rest(writer, layout, data, {data / name.removeprefix("data/") for name in copies})
            return Backup(file, writer.left_out)


def _write_rest(writer: Writer, layout: Layout, data: Path, copied: set[Path]) -> None:
    from brickyard.workspace.secrets.keys import KeyUnusable, read_key

    writer.text("token", f"{layout.read_token() or ''}\n")
    with contextlib.suppress(FileNotFoundError):  # there is none before the first secret
        try:
            writer.text("key", b64encode(read_key(layout.root)).decode() + "\n")
        except KeyUnusable as error:
            raise WorkspaceProcessError(
                f"the workspace's key {error}", where=str(layout.root / "key"), next="restore it from a copy"
            ) from error
    for tree in _TREES:
        if (layout.root / tree).is_dir():
            writer.tree(tree, layout.root / tree)
    beside = {Path(f"{path}{end}") for path in copied for end in ("-wal", "-shm")}
    writer.tree("data", data, frozenset(copied | beside | {data / data_directory.MARK}))


def _databases(layout: Layout, data: Path, directory: Path) -> dict[str, Path]:
    """Copies of the databases, each whole by itself and without a log beside it, by their names in the archive."""
    if not layout.database.is_file():
        raise WorkspaceProcessError("the database is gone", where=str(layout.database), next="restore a backup")
    sources = {"workspace.db": layout.database, "data/mlflow/mlflow.db": data / "mlflow" / "mlflow.db"}
    copies = {}
    for number, (name, source) in enumerate(sources.items()):
        if source.exists():
            copies[name] = directory / str(number)
            _copy(source, copies[name])
    return copies


def _copy(source: Path, target: Path) -> None:
    try:
        with closing(sqlite3.connect(source)) as origin, closing(sqlite3.connect(target)) as copy:
            origin.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE")
            (found,) = copy.execute("PRAGMA integrity_check").fetchone()
    except sqlite3.Error as error:
        raise WorkspaceProcessError(
            f"the database cannot be copied: {error}", where=str(source), next="make room, or restore an older backup"
        ) from error
    if found != "ok":
        raise WorkspaceProcessError(f"the database is damaged: {found}", where=str(source), next="restore a backup")


def _schema(copy: Path, database: Path) -> int:
    try:
        with closing(sqlite3.connect(copy)) as connection:
            (version,) = connection.execute("SELECT version FROM schema_version").fetchone()
            return int(version)
    except (sqlite3.Error, TypeError) as error:
        raise WorkspaceProcessError(
            "the database holds nothing of a workspace", where=str(database), next="restore a backup"
        ) from error
