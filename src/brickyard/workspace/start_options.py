"""What a start is asked for; what it is not asked for stays as it was."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from brickyard.errors import UsageError
from brickyard.workspace import data_directory, listening
from brickyard.workspace.layout import Settings

__all__ = ["DATABASE_URL", "StartOptions"]

DATABASE_URL = "BRICKYARD_DATABASE_URL"


@dataclass(frozen=True)
class StartOptions:
    """Settings that a start changes, for itself and for those after it; see `Settings`.

    Attributes:
        port: The port to listen on.
        data_dir: Where the data is, for a new workspace.
        database_url: The PostgreSQL database, without a password; the variable `BRICKYARD_DATABASE_URL` may have one.
        address: The address to listen on.
        hostnames: The names by which clients call it.
        insecure: Whether other machines may reach it without TLS.
        tls: Whether it speaks TLS.
        tls_certificate: The user's own certificate; with it, TLS is meant.
        tls_key: Its key.
        engine: The Spark engine of clusters that name none: `sail`, `jvm` or a Spark Connect URL.
    """

    port: int | None = None
    data_dir: str | None = None
    database_url: str | None = field(default=None, repr=False)
    address: str | None = None
    hostnames: tuple[str, ...] | None = None
    insecure: bool | None = None
    tls: bool | None = None
    tls_certificate: str | None = None
    tls_key: str | None = None
    engine: str | None = field(default=None, repr=False)

    def changes(self) -> dict[str, Any]:
        """The settings that are to change, with paths that hold wherever they are read.

        Raises:
            UsageError: An option is none that could work, or has a password that a process list would show.
        """
        files = {name: str(Path(one).expanduser().absolute()) for name, one in self._files().items()}
        changes: dict[str, Any] = {
            "port": self.port,
            "data_dir": data_directory.absolute(self.data_dir) if self.data_dir is not None else None,
            "database_url": _database_url(self.database_url),
            "address": self.address,
            "hostnames": self.hostnames,
            "insecure": self.insecure,
            "tls": True if files and self.tls is None else self.tls,
            "engine": _engine(self.engine),
            **files,
        }
        wanted = {name: one for name, one in changes.items() if one is not None}
        if self.tls is False:
            if files:
                raise UsageError("--no-tls and a certificate are not given together", next="leave one of them out")
            wanted |= {"tls_certificate": None, "tls_key": None}
        return wanted

    def differ(self, settings: Settings) -> list[str]:
        """The names of what a workspace that runs with these settings would have to change."""
        changes = self.changes()
        if "address" in changes or "hostnames" in changes:
            given = {name: one for name, one in changes.items() if name in ("address", "hostnames")}
            checked = listening.check(Settings(tls=True, **given))
            changes |= {name: getattr(checked, name) for name in given}
        if self.database_url is None:  # the variable is for a start
            changes.pop("database_url", None)
        elif _same_database(changes["database_url"], settings.database_url):
            changes.pop("database_url")
        return [name.replace("_", "-") for name, one in changes.items() if one != getattr(settings, name)]

    def _files(self) -> dict[str, str]:
        both = {"tls_certificate": self.tls_certificate, "tls_key": self.tls_key}
        return {name: one for name, one in both.items() if one is not None}


def _engine(given: str | None) -> str | None:
    from brickyard.workspace.compute.engines.choice import EngineChoice, UnknownEngine

    try:
        if given is not None:
            EngineChoice.of({}, given)
    except UnknownEngine as error:
        raise UsageError(
            str(error), where="--engine", next="name one of these; `brickyard doctor` says which work here"
        ) from error
    return given


def _same_database(wanted: str, present: str | None) -> bool:
    from brickyard.workspace.store.database_url import parsed, shown

    return present is not None and shown(parsed(wanted)) == shown(parsed(present))


def _database_url(given: str | None) -> str | None:
    """The PostgreSQL address that a start is to use; none where it is to use what it used before."""
    address = given or os.environ.get(DATABASE_URL)
    if not address:
        return None
    from brickyard.workspace.store.database_url import parsed

    if parsed(address).password and given:
        raise UsageError(
            "a password on the command line can be read by everybody on this machine",
            where="--database-url",
            next=f"put the address into the variable {DATABASE_URL}, or its password into ~/.pgpass",
        )
    return address
