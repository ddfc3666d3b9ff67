"""PostgreSQL: a database of its own for each workspace, on a server that others keep."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, insert, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.schema import CreateSchema, DropSchema

from brickyard.errors import WorkspaceProcessError
from brickyard.workspace.store.base import Owner, database_owner
from brickyard.workspace.store.database_url import parsed, shown, without_password
from brickyard.workspace.store.failures import DatabaseTaken, Failure, failure

__all__ = ["Postgresql"]

SCHEMA = "brickyard"
_LOCK = (1_651_664_247, 1)  # of advisory locks, which are numbers
_LOCK_SECONDS = 5.0  # a server may take a moment to see that the process before this one has died
# A connection that the network lost is noticed after about a minute, on both sides; the server would wait two hours.
_KEEPALIVE = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
_DEFAULTS = {"connect_timeout": 10, **_KEEPALIVE}
_SESSION = f"""
    SELECT set_config('search_path', '{SCHEMA}', false),
      set_config('tcp_keepalives_idle', '30', false),
      set_config('tcp_keepalives_interval', '10', false),
      set_config('tcp_keepalives_count', '3', false),
      CASE WHEN current_setting('synchronous_commit') = 'off' THEN set_config('synchronous_commit', 'on', false) END
"""
_FACTS = "SELECT current_setting('server_encoding'), has_database_privilege(current_database(), 'CREATE')"
_HOLDER = """
    SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE locktype = 'advisory' AND classid = %s AND objid = %s AND pg_locks.database =
      (SELECT oid FROM pg_database WHERE datname = current_database())
"""


class Postgresql:
    """A database on a PostgreSQL server.

    The one connection that writes holds an advisory lock for as long as it lives, so that whoever can write is the only
    one: a connection that was lost takes its lock with it, and the next has to get it first.

    Args:
        url: `postgresql://USER@HOST/DATABASE`; a password in it is never shown.
        owner: The workspace, by whose name others see the connections.
    """

    def __init__(self, url: str, owner: Owner | None = None) -> None:
        self._url = parsed(url)
        self.place = shown(self._url)
        self._application = f"brickyard workspace {owner.name}" if owner else "brickyard"

    def writer(self) -> Engine:
        """One connection, which holds the database; what it reads is committed, since nobody else writes."""
        return self._engine(_lock, pool_size=1, max_overflow=0, isolation_level="READ COMMITTED")

    def reader(self) -> Engine:
        """Connections whose transactions see one state, and cannot write."""
        options = {"postgresql_readonly": True}
        return self._engine(isolation_level="REPEATABLE READ", max_overflow=25, execution_options=options)

    def prepare(self, connection: Connection) -> None:
        """Make the schema, unless who runs the server has made it."""
        encoding, may_create = connection.execute(text(_FACTS)).one()
        if encoding != "UTF8":
            raise self._refused(
                f"the database's encoding is {encoding}, in which not every text can be kept",
                "make the database with ENCODING 'UTF8'",
            )
        for schema in (SCHEMA, _schema("mlflow")):
            if _exists(connection, schema):
                continue
            if not may_create:
                raise self._refused(
                    f"the database has no schema {schema}, and its user may not make one",
                    f"`CREATE SCHEMA {schema} AUTHORIZATION {self._url.username}`, or GRANT CREATE on the database",
                )
            connection.execute(CreateSchema(schema))

    def take(self, connection: Connection, owner: Owner) -> None:
        """Write down whose database it is, once; afterwards it serves no other workspace."""
        holder = connection.execute(select(database_owner)).first()
        if holder is None and owner.new:
            connection.execute(insert(database_owner).values(workspace_id=owner.workspace_id, name=owner.name))
        elif holder is None:
            raise self.lost(owner)
        elif holder.workspace_id != owner.workspace_id:
            raise self._refused(
                f"the database belongs to another workspace: {holder.name!r} (id {holder.workspace_id})",
                "give each workspace a database of its own",
            )

    def lost(self, owner: Owner) -> WorkspaceProcessError:
        """The workspace has its data in another."""
        return self._refused(
            f"the database holds nothing of the workspace {owner.name!r}, which keeps its data elsewhere",
            "name the database that it has used so far, or start a new workspace with this one",
        )

    def refusal(self, error: SQLAlchemyError) -> WorkspaceProcessError:
        """A server that is away or refuses, a database in use or damaged, a full disk; never the password."""
        words = " ".join(str(getattr(error, "orig", None) or error).split())
        if self._url.password:
            words = words.replace(str(self._url.password), "***")
        if isinstance(error, DatabaseTaken):
            return self._refused(f"the database is in use: {words}", "stop what uses it, or name another database")
        kind = failure(error)
        if kind is Failure.UNAVAILABLE or "password" in words:
            return self._refused(
                f"the database cannot be reached: {words}",
                "start the server, or correct address, user and password (BRICKYARD_DATABASE_URL)",
            )
        if kind is Failure.FULL:
            return self._refused(f"the database cannot be written: {words}", "make room on the server")
        return self._refused(f"the workspace's database cannot be read: {words}", "restore the database from a copy")

    def address(self, name: str, directory: Path) -> str:
        """A schema beside the workspace's; the password is in a file, for the address may get into variables."""
        query = dict(self._url.query)
        options = query.get("options", "")
        query["options"] = f"{options if isinstance(options, str) else ' '.join(options)} -csearch_path={_schema(name)}"
        if self._url.password:
            query["passfile"] = str(_password_file(directory, str(self._url.password)))
        return without_password(self._url, query).render_as_string(hide_password=False)

    def erase(self) -> None:
        """Drop the schemas with everything in them."""
        engine = self.writer()
        try:
            with engine.begin() as connection:
                for schema in (SCHEMA, _schema("mlflow")):
                    connection.execute(DropSchema(schema, cascade=True, if_exists=True))
        except SQLAlchemyError as error:
            raise self.refusal(error) from error
        finally:
            engine.dispose()

    def _refused(self, message: str, next: str) -> WorkspaceProcessError:
        return WorkspaceProcessError(message, where=self.place, next=next)

    def _engine(self, then: Callable[[Any], None] | None = None, **options: Any) -> Engine:
        """An engine that looks whether a connection is alive before it is used, and makes another where it is not."""
        defaults = {"application_name": self._application, **_DEFAULTS}
        arguments = {name: value for name, value in defaults.items() if name not in self._url.query}
        engine = self._made(arguments, options)

        def configure(connection: Any, _record: object) -> None:
            try:
                connection.autocommit = True
                connection.execute(_SESSION)
                if then is not None:
                    then(connection)
                connection.autocommit = False
            except BaseException:
                connection.close()
                raise

        event.listen(engine, "connect", configure)
        return engine

    def _made(self, arguments: dict[str, Any], options: dict[str, Any]) -> Engine:
        try:
            return create_engine(self._url, pool_pre_ping=True, connect_args=arguments, **options)
        except ImportError as error:
            raise self._refused(
                f"PostgreSQL needs a driver that is not installed: {error}", "pip install 'brickyard[postgres]'"
            ) from error


def _lock(connection: Any) -> None:
    """Hold the database for as long as the connection lives.

    Raises:
        DatabaseTaken: Another process holds it.
    """
    deadline = time.monotonic() + _LOCK_SECONDS
    while not connection.execute("SELECT pg_try_advisory_lock(%s, %s)", _LOCK).fetchone()[0]:
        if time.monotonic() > deadline:
            holder = connection.execute(_HOLDER, _LOCK).fetchone()
            raise DatabaseTaken(f"{(holder and holder[0]) or 'another process'} holds it")
        time.sleep(0.05)


def _exists(connection: Connection, schema: str) -> bool:
    return bool(connection.execute(text("SELECT to_regnamespace(:schema) IS NOT NULL"), {"schema": schema}).scalar())


def _schema(name: str) -> str:
    """The schema of a library that has tables of its own."""
    return f"{SCHEMA}_{name}"


def _password_file(directory: Path, password: str) -> Path:
    """A file of libpq's (`.pgpass`), for its owner only."""
    from brickyard.workspace.layout import Layout

    directory.mkdir(parents=True, exist_ok=True)
    path = directory / "pgpass"
    escaped = password.replace("\\", "\\\\").replace(":", "\\:")
    Layout(directory).write_private(path, f"*:*:*:*:{escaped}\n")
    return path
