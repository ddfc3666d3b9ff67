"""Where a workspace keeps what: one directory under `BRICKYARD_HOME`, readable by its owner only."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path

from brickyard.errors import UsageError, WorkspaceProcessError

__all__ = ["Layout", "ProcessRecord", "Settings", "home", "layout_of", "layouts"]


@dataclass(frozen=True)
class Settings:
    """What stays the same from start to start.

    Attributes:
        port: The port to listen on; 0 lets the system choose at the first start.
        workspace_id: The vendor's workspace (organisation) id; 0 before the first start.
        database_url: The PostgreSQL database, with its password; none where the database is a file of SQLite.
    """

    port: int = 0
    workspace_id: int = 0
    database_url: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class ProcessRecord:
    """The running server, as it wrote itself down."""

    pid: int
    url: str


@dataclass(frozen=True)
class Layout:
    """The files of one workspace."""

    root: Path

    @property
    def name(self) -> str:
        """The workspace's name is its directory's."""
        return self.root.name

    @property
    def database(self) -> Path:
        """The SQLite database."""
        return self.root / "workspace.db"

    @property
    def token(self) -> Path:
        """The owner's token."""
        return self.root / "token"

    @property
    def log(self) -> Path:
        """What the server prints."""
        return self.root / "server.log"

    @property
    def lock(self) -> Path:
        """Held by the running server."""
        return self.root / "lock"

    @property
    def process(self) -> Path:
        """The running server's pid and address."""
        return self.root / "server.json"

    @property
    def settings(self) -> Path:
        """Port and id, kept from start to start."""
        return self.root / "settings.json"

    def create(self) -> None:
        """Make the directory, for its owner only."""
        try:
            self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
            (self.root / "data").mkdir(exist_ok=True)
        except OSError as error:
            raise WorkspaceProcessError(
                f"the workspace's directory cannot be made: {error.strerror}",
                where=str(self.root),
                next="make room or give access, or set BRICKYARD_HOME to another directory",
            ) from error

    def read_settings(self) -> Settings:
        """The settings; the defaults before the first start."""
        if not self.settings.exists():
            return Settings()
        return Settings(**json.loads(self.settings.read_text()))

    def write_settings(self, settings: Settings) -> None:
        """Keep the settings for the next start."""
        self.write_private(self.settings, json.dumps(asdict(settings)))

    def read_process(self) -> ProcessRecord | None:
        """The server as it wrote itself down; it may have died since."""
        try:
            return ProcessRecord(**json.loads(self.process.read_text()))
        except FileNotFoundError:
            return None

    def write_process(self, pid: int, url: str) -> None:
        """Write down the running server."""
        self.write_private(self.process, json.dumps(asdict(ProcessRecord(pid, url))))

    def write_private(self, path: Path, text: str) -> None:
        """Replace a file in one step, with mode 0600.

        Raises:
            WorkspaceProcessError: The disk is full, or the directory is not writable.
        """
        try:
            handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
            with os.fdopen(handle, "w") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(path)
        except OSError as error:
            raise WorkspaceProcessError(
                f"the file cannot be written: {error.strerror}",
                where=str(path),
                next="make room or give access",
            ) from error


def home() -> Path:
    """The directory of all workspaces: `BRICKYARD_HOME`, by default `~/.brickyard`."""
    return Path(os.environ.get("BRICKYARD_HOME") or Path.home() / ".brickyard").expanduser().absolute()


def layout_of(name: str) -> Layout:
    """The layout of the workspace with that name.

    Raises:
        UsageError: The name could leave its directory, or could not be a profile's name.
    """
    if not name or not name.replace("-", "").replace("_", "").isalnum() or not name.isascii():
        raise UsageError(
            f"{name!r} cannot be a workspace's name",
            next="use letters, digits, `-` and `_`, for example `dev`",
        )
    return Layout(home() / "workspaces" / name)


def layouts() -> list[Layout]:
    """All workspaces, by name."""
    directory = home() / "workspaces"
    if not directory.is_dir():
        return []
    return [Layout(path) for path in sorted(directory.iterdir()) if (path / "settings.json").exists()]
