"""A workspace from a backup: all of it, or nothing has changed."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from brickyard.errors import UsageError, WorkspaceProcessError
from brickyard.workspace import data_directory, process, profiles
from brickyard.workspace.archive import Manifest, extract, read_manifest
from brickyard.workspace.layout import Layout, Settings, layout_of

__all__ = ["is_there", "restore"]

_LOCATIONS = ("uc_tables", "uc_volumes")


def is_there(name: str) -> bool:
    """Whether there is a workspace of that name."""
    return layout_of(name).root.exists() or layout_of(name).replaced.exists()


def restore(name: str, file: Path, data_dir: str | None = None) -> None:
    """Make a workspace what a backup holds, with its secrets and tokens; it is stopped then.

    How it listens stays as it was; a workspace that there was not gets a port of its own when it starts.

    Args:
        name: The workspace.
        file: What `backup` wrote.
        data_dir: Where the data of a new workspace goes, outside of its directory.

    Raises:
        UsageError: The data directory cannot be used.
        WorkspaceProcessError: The file is no backup, damaged or of a newer Brickyard, or the disk is full.
    """
    file, layout = file.expanduser().absolute(), layout_of(name)
    manifest = read_manifest(file)
    _check_schema(file, manifest)
    if not is_there(name):
        _make(layout, file, manifest, Settings(data_dir=data_directory.absolute(data_dir) if data_dir else None))
        return
    process.existing(name)
    if data_dir is not None:
        raise UsageError("--data-dir is for a new workspace", next="leave it out, or restore under another name")
    before = _replaceable(layout)
    if process.status(name).state == "running":
        process.stop(name)
    with layout.held("restore"):
        _make(layout, file, manifest, before)


def _replaceable(layout: Layout) -> Settings:
    settings = layout.read_settings()
    elsewhere = settings.data_dir or process.status(layout.name).database
    if elsewhere is not None:
        raise WorkspaceProcessError(
            f"the workspace {layout.name!r} keeps data outside of its directory, which cannot be replaced in one step",
            where=elsewhere,
            next=f"restore under another name, or `brickyard workspace reset {layout.name}` before",
        )
    return settings


def _make(layout: Layout, file: Path, manifest: Manifest, before: Settings) -> None:
    settings = replace(before, workspace_id=manifest.workspace_id)
    data_directory.check(layout, Settings(), settings)
    data_directory.check_empty(settings)
    with _staged(layout, settings) as stage:
        data = stage.data(settings)
        extract(file, stage.root, data)
        _check_whole(file, stage, data)
        _move_places(stage.database, Path(manifest.data), layout.data(settings).resolve())
        stage.write_settings(settings)
        if layout.tls.is_dir():  # clients trust it
            shutil.copytree(layout.tls, stage.tls)
        entry = _keyring_entry(layout)
        _take_place(stage, layout)
    _forget(entry)
    # Its token is refused now; the next start writes the right one.
    profiles.remove(profiles.own_file(), layout.name)


@contextlib.contextmanager
def _staged(layout: Layout, settings: Settings) -> Iterator[Layout]:
    """A directory beside the workspace's, to be filled; whatever fails, nothing of it is left."""
    try:
        layout.root.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        stage = Layout(Path(tempfile.mkdtemp(dir=layout.root.parent, prefix=f".{layout.name}.restore-")))
    except OSError as error:
        raise WorkspaceProcessError(
            f"the workspace's directory cannot be made: {error.strerror}",
            where=str(layout.root.parent),
            next="make room or give access",
        ) from error
    try:
        data_directory.claim(stage, settings)
        yield stage
    except BaseException:
        data_directory.clear(stage, settings)
        raise
    finally:
        shutil.rmtree(stage.root, ignore_errors=True)


def _take_place(stage: Layout, layout: Layout) -> None:
    """Put the new directory where the old one was. Killed between the two steps, the next command undoes the first."""
    try:
        if layout.root.exists():
            layout.root.rename(layout.replaced)
        stage.root.rename(layout.root)
    except OSError as error:
        if layout.replaced.exists() and not layout.root.exists():
            layout.replaced.rename(layout.root)
        raise WorkspaceProcessError(
            f"the workspace cannot be put in its place: {error.strerror}", where=str(layout.root), next="give access"
        ) from error
    shutil.rmtree(layout.replaced, ignore_errors=True)


def _check_schema(file: Path, manifest: Manifest) -> None:
    from brickyard.workspace.store.base import SCHEMA_VERSION

    if manifest.schema > SCHEMA_VERSION:
        raise WorkspaceProcessError(
            f"the backup is of a newer Brickyard ({manifest.brickyard}, schema {manifest.schema}, known "
            f"{SCHEMA_VERSION})",
            where=str(file),
            next="upgrade brickyard",
        )


def _check_whole(file: Path, stage: Layout, data: Path) -> None:
    """The archive has what a workspace cannot be without, and its databases are whole."""
    missing = [path.name for path in (stage.database, stage.token) if not path.is_file()]
    damaged = []
    for database in (stage.database, data / "mlflow" / "mlflow.db"):
        if database.is_file() and not _is_whole(database):
            damaged.append(database.name)
    if missing or damaged:
        what = f"{', '.join(missing)} is missing" if missing else f"{', '.join(damaged)} is damaged"
        raise WorkspaceProcessError(
            f"the backup cannot be restored: {what}", where=str(file), next="name another backup"
        )


def _is_whole(database: Path) -> bool:
    try:
        with closing(sqlite3.connect(database)) as connection:
            return bool(connection.execute("PRAGMA integrity_check").fetchone() == ("ok",))
    except sqlite3.Error:
        return False


def _move_places(database: Path, before: Path, now: Path) -> None:
    """The catalog names directories by their whole path."""
    try:
        with closing(sqlite3.connect(database)) as connection, connection:
            for table in _LOCATIONS:
                connection.execute(
                    f"UPDATE {table} SET location = :now || substr(location, length(:before) + 1) "
                    "WHERE location = :before OR substr(location, 1, length(:before) + 1) = :before || '/'",
                    {"now": str(now), "before": str(before)},
                )
    except sqlite3.Error as error:
        raise WorkspaceProcessError(
            f"the backup cannot be restored: {error}", where=str(database), next="make room, or name another backup"
        ) from error


def _keyring_entry(layout: Layout) -> str | None:
    from brickyard.workspace.secrets.keys import keyring_entry

    return keyring_entry(layout.root)


def _forget(entry: str | None) -> None:
    from brickyard.workspace.secrets.keys import forget_entry

    if entry is not None:
        forget_entry(entry)
