"""Where a workspace keeps what: one directory under `BRICKYARD_HOME`, readable by its owner only."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import IO

from brickyard.errors import UsageError, WorkspaceProcessError

__all__ = ["Layout", "ProcessRecord", "Settings", "home", "layout_of", "layouts"]

_LOOK_SECONDS = 1
_LAST_PORT = 65535
_KINDS: dict[str, type | tuple[type, ...]] = {  # of the fields of the settings, by the annotation
    "int": int,
    "str": str,
    "bool": bool,
    "str | None": (str, type(None)),
    "tuple[str, ...]": tuple,
}
_NAME_LENGTH = 64
_NAME = re.compile(rf"(?=_*[A-Za-z0-9])[A-Za-z0-9_-]{{1,{_NAME_LENGTH}}}")
# Sections of the files of profiles that mean something else: a workspace's would take their place.
_NO_PROFILES = ("DEFAULT", "__settings__")


@dataclass(frozen=True)
class Settings:
    """What stays the same from start to start.

    Attributes:
        port: The port to listen on; 0 lets the system choose at the first start.
        workspace_id: The vendor's workspace (organisation) id; 0 before the first start.
        database_url: The PostgreSQL database, with its password; none where the database is a file of SQLite.
        data_dir: Where tables, volumes and files are, unless in the workspace's own directory.
        address: The IP address to listen on.
        hostnames: The names by which clients call it, beside this machine's own; the first is what they are told.
        insecure: Whether plain HTTP at an address that other machines reach was asked for.
        tls: Whether it speaks TLS, with a certificate of its own unless the next two say another.
        tls_certificate: The user's own certificate, with the chain to its authority.
        tls_key: The key of that certificate.
        url: Where clients were told to reach it when it last started.
        engine: The Spark engine of clusters that name none.
    """

    port: int = 0
    workspace_id: int = 0
    database_url: str | None = field(default=None, repr=False)
    data_dir: str | None = None
    address: str = "127.0.0.1"
    hostnames: tuple[str, ...] = ()
    insecure: bool = False
    tls: bool = False
    tls_certificate: str | None = None
    tls_key: str | None = None
    url: str | None = None
    engine: str = field(default="sail", repr=False)


@dataclass(frozen=True)
class ProcessRecord:
    """The running server, as it wrote itself down.

    Attributes:
        pid: Its process.
        url: Where it is reached from this machine.
        public_url: Where clients are told to reach it.
    """

    pid: int
    url: str
    public_url: str


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

    @property
    def tls(self) -> Path:
        """The workspace's own certificates."""
        return self.root / "tls"

    @property
    def replaced(self) -> Path:
        """Where a restore puts what there was, while it takes its place."""
        return self.root.with_name(f".{self.name}.replaced")

    def data(self, settings: Settings) -> Path:
        """Tables, volumes, files, models and artifacts."""
        return Path(settings.data_dir) if settings.data_dir else self.root / "data"

    def create(self) -> None:
        """Make the directory, for its owner only.

        Raises:
            WorkspaceProcessError: It cannot be made.
        """
        try:
            self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise WorkspaceProcessError(
                f"the workspace's directory cannot be made: {error.strerror}",
                where=str(self.root),
                next="make room or give access, or set BRICKYARD_HOME to another directory",
            ) from error

    def read_settings(self) -> Settings:
        """The settings; the defaults before the first start.

        Raises:
            WorkspaceProcessError: The file is damaged.
        """
        try:
            kept = json.loads(self.settings.read_text())
            return _checked(Settings(**kept | {"hostnames": tuple(kept.get("hostnames", ()))}))
        except FileNotFoundError:
            return Settings()
        except OSError as error:
            raise _unreadable(self.settings, error.strerror or str(error)) from error
        except (ValueError, TypeError, AttributeError) as error:
            raise _unreadable(self.settings, "it is damaged, or of a newer Brickyard") from error

    def read_token(self) -> str | None:
        """The owner's token; none before the first start, and where the file is damaged."""
        try:
            return self.token.read_text(encoding="ascii").strip() or None
        except (OSError, UnicodeDecodeError):
            return None

    def write_settings(self, settings: Settings) -> None:
        """Keep the settings for the next start."""
        self.write_private(self.settings, json.dumps(asdict(settings)))

    def read_process(self) -> ProcessRecord | None:
        """The server as it wrote itself down; while nobody holds the workspace, it has died since."""
        try:
            return ProcessRecord(**json.loads(self.process.read_text()))
        except (FileNotFoundError, ValueError, TypeError):  # half a file is of a server that has ended
            return None

    def write_process(self, record: ProcessRecord) -> None:
        """Write down the running server."""
        self.write_private(self.process, json.dumps(asdict(record)))

    def holder(self) -> str | None:
        """What has the workspace to itself: its `server`, or a command; nothing where it is free.

        The system releases the lock however its holder ends, so neither a file that a dead process has left nor
        another process that has got its id deceives this.
        """
        try:
            with self.lock.open() as file:
                if _taken(file, fcntl.LOCK_SH):
                    return None
                return file.read().strip() or "server"
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise _unreadable(self.lock, error.strerror or str(error)) from error

    @contextlib.contextmanager
    def held(self, holder: str) -> Iterator[None]:
        """Have the workspace to itself: nobody else starts, copies or deletes it.

        Raises:
            WorkspaceProcessError: Somebody else has it, or the disk is full.
        """
        with contextlib.ExitStack() as stack:
            try:
                file = stack.enter_context(self.lock.open("a+"))
                deadline = time.monotonic() + _LOOK_SECONDS
                while not _taken(file, fcntl.LOCK_EX):
                    if time.monotonic() > deadline:
                        raise self.busy()
                    time.sleep(0.01)  # somebody may only be looking
                file.truncate(0)
                file.write(holder)
                file.flush()
            except OSError as error:
                raise _unreadable(self.lock, error.strerror or str(error)) from error
            yield

    def busy(self) -> WorkspaceProcessError:
        """The error of who finds that another has the workspace."""
        holder = self.holder() or "server"
        doing = "is already running" if holder == "server" else f"is in use: a {holder} of it is not done"
        return WorkspaceProcessError(
            f"the workspace {self.name!r} {doing}",
            where=str(self.root),
            next=f"`brickyard workspace status {self.name}` shows it"
            if holder == "server"
            else f"wait for the end of the {holder}",
        )

    def write_private(self, path: Path, text: str) -> None:
        """Replace a file in one step, with mode 0600.

        Raises:
            WorkspaceProcessError: The disk is full, or the directory is not writable.
        """
        temporary = None
        try:
            handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
            with os.fdopen(handle, "w") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(path)
        except OSError as error:
            if temporary is not None:
                Path(temporary).unlink(missing_ok=True)
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
    if not _NAME.fullmatch(name) or name in _NO_PROFILES:
        raise UsageError(
            f"{name!r} cannot be a workspace's name",
            next=f"use letters, digits, `_` and, inside, `-`, at most {_NAME_LENGTH}, for example `dev`",
        )
    return Layout(home() / "workspaces" / name)


def layouts() -> list[Layout]:
    """All workspaces, by name."""
    directory = home() / "workspaces"
    if not directory.is_dir():
        return []
    return [Layout(path) for path in sorted(directory.iterdir()) if path.name[0] != "." and _is_workspace(path)]


def _is_workspace(path: Path) -> bool:
    try:
        return any((path / file).exists() for file in ("settings.json", "token"))
    except PermissionError:  # it is somebody's, and its status says what is wrong
        return True


def _checked(settings: Settings) -> Settings:
    """The settings, if each is what it should be.

    Raises:
        TypeError: One is not.
    """
    for one in fields(Settings):
        value = getattr(settings, one.name)
        if not isinstance(value, _KINDS[str(one.type)]):
            raise TypeError(f"{one.name} is {value!r}")
    if not 0 <= settings.port <= _LAST_PORT or not all(isinstance(name, str) for name in settings.hostnames):
        raise TypeError(f"port is {settings.port}, and hostnames are {settings.hostnames}")
    return settings


def _taken(file: IO[str], kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _unreadable(path: Path, why: str) -> WorkspaceProcessError:
    return WorkspaceProcessError(
        f"the workspace's file cannot be used: {why}",
        where=str(path),
        next=f"make room or give access, restore a backup, or `brickyard workspace reset {path.parent.name}`",
    )
