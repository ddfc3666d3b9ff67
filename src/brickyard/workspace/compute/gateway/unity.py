"""The workspace's Unity Catalog, asked over its public REST API with the task's token."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from brickyard.workspace.compute.gateway.errors import SparkError, already_exists, not_found
from brickyard.workspace.compute.gateway.names import HIVE, TableName
from brickyard.workspace.compute.gateway.table import Table
from brickyard.workspace.compute.gateway.uses import Uses, concerned

__all__ = ["Table", "UnityCatalog", "accept"]

BASE = "/api/2.1/unity-catalog"
#: What Spark calls the catalog's errors.
CONDITIONS = {
    "CATALOG_DOES_NOT_EXIST": "NO_SUCH_CATALOG_EXCEPTION",
    "SCHEMA_DOES_NOT_EXIST": "SCHEMA_NOT_FOUND",
    "TABLE_DOES_NOT_EXIST": "TABLE_OR_VIEW_NOT_FOUND",
    "PERMISSION_DENIED": "INSUFFICIENT_PERMISSIONS",
    "NOT_IMPLEMENTED": "UNSUPPORTED_BY_ENGINE",
}
STATES = {
    "CATALOG_ALREADY_EXISTS": "42P06",
    "INSUFFICIENT_PERMISSIONS": "42501",
    "INVALID_PARAMETER_VALUE": "22023",
    "NO_SUCH_CATALOG_EXCEPTION": "42704",
    "SCHEMA_ALREADY_EXISTS": "42P06",
    "SCHEMA_NOT_EMPTY": "2BP01",
    "SCHEMA_NOT_FOUND": "42704",
    "TABLE_OR_VIEW_NOT_FOUND": "42P01",
    "UNSUPPORTED_BY_ENGINE": "0A000",
}


class UnityCatalog:
    """Calls that the engine needs; one kept-alive connection per thread.

    Args:
        host: The workspace's URL.
        token: The task's token; the catalog answers with that principal's rights.
    """

    def __init__(self, host: str, token: str) -> None:
        self._scheme, self._address = urlsplit(host)[:2]
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._local = threading.local()
        #: What is noted of reading and writing, by the session for which it is.
        self.uses: dict[str, Uses] = {}

    def user_name(self) -> str | None:
        """Whose token this is; nothing where the workspace does not accept it.

        Raises:
            SparkError: The workspace does not answer.
        """
        found = self.principal()
        return None if found is None else str(found["userName"])

    def principal(self) -> dict[str, Any] | None:
        """Whose token this is, as SCIM describes a user; nothing where the workspace does not accept it.

        Raises:
            SparkError: The workspace does not answer.
        """
        status, raw = self.send("GET", "/api/2.0/preview/scim/v2/Me")
        if status in (401, 403):
            return None
        if status != 200:
            raise SparkError("CATALOG_ERROR", f"The workspace answered {status} when asked whose token this is.")
        found: dict[str, Any] = json.loads(raw)
        return found

    def metastore(self) -> str:
        """The metastore's id, which is global: `cloud:region:id`."""
        wire = accept(*self.call("GET", "/metastore_summary"))
        return str(wire.get("global_metastore_id") or wire["metastore_id"])

    def table(self, name: TableName, *, write: bool = False) -> Table:
        """The table, which is to be read or, with `write`, to be changed.

        Raises:
            SparkError: TABLE_OR_VIEW_NOT_FOUND, or INSUFFICIENT_PERMISSIONS.
        """
        found = self.find_table(name)
        if found is None:
            raise not_found("table", str(name))
        self.need_data(found, write=write)
        return found

    def table_through(self, name: TableName, views: tuple[str, ...]) -> Table:
        """The table, which is to be read through views, with the rights of the owner of each.

        Raises:
            SparkError: TABLE_OR_VIEW_NOT_FOUND, or INSUFFICIENT_PERMISSIONS.
        """
        body = {"views": list(views), "name": name.full}
        status, wire = self.call("POST", "/view-reads", body, repeatable=True)
        if status == 404:
            raise not_found("table", str(name))
        self._seen("table", name, accept(status, wire))
        found = Table.from_wire(wire)
        self._used(found.location, write=False)
        return found

    def need_data(self, table: Table, *, write: bool = False) -> None:
        """Ask for access to a table's data, as every engine does before it touches them; a view has none.

        Raises:
            SparkError: INSUFFICIENT_PERMISSIONS.
        """
        if not table.is_view:
            body = {"table_id": table.table_id, "operation": "READ_WRITE" if write else "READ", "policies": True}
            accept(*self.call("POST", "/temporary-table-credentials", body, repeatable=True))
            self._used(table.location, write=write)

    def need_place(self, place: Path, *, write: bool = False, deep: bool = False) -> None:
        """Ask for access to a file or directory; what no external location is around is the driver's own disk.

        Args:
            place: The file or directory.
            write: Whether it is to be written.
            deep: Whether what is below it is used too: there may be tables of others.

        Raises:
            SparkError: INSUFFICIENT_PERMISSIONS.
        """
        body = {"url": place.as_uri(), "operation": "PATH_READ_WRITE" if write else "PATH_READ", "recursive": deep}
        status, wire = self.call("POST", "/temporary-path-credentials", body, repeatable=True)
        if wire.get("error_code") != "EXTERNAL_LOCATION_DOES_NOT_EXIST":
            accept(status, wire)
        self._used(place, write=write)

    def find_table(self, name: TableName) -> Table | None:
        """The table, or None if the catalog does not have it; says nothing of whether its data may be read."""
        wire = self._seen("table", name, self.wire_of("table", name.full))
        return None if wire is None else Table.from_wire(wire)

    def wire_of(self, kind: str, name: str) -> dict[str, Any] | None:
        """A `table` or `function` as the API describes it, or None if the catalog does not have it."""
        status, wire = self.call("GET", f"/{kind}s/{quote(name)}")
        return None if status == 404 else accept(status, wire)

    def _seen(self, kind: str, name: TableName, wire: dict[str, Any] | None) -> dict[str, Any] | None:
        for uses in concerned(self.uses):
            uses.looked_up(kind, name.full, wire)
        return wire

    def _used(self, place: Path | None, *, write: bool) -> None:
        for uses in concerned(self.uses):
            if place is not None:
                uses.used(place, write=write)

    def _made(self, kind: str, name: str) -> None:
        for uses in concerned(self.uses):
            uses.made(kind, name)

    def tables(self, catalog: str, schema: str) -> list[Table]:
        """All tables and views of one schema."""
        query = {"catalog_name": catalog, "schema_name": schema, "omit_columns": "true"}
        return [Table.from_wire(wire) for wire in self._pages("/tables", "tables", query)]

    def table_wires(self, catalog: str, schema: str, *, columns: bool) -> list[dict[str, Any]]:
        """All tables and views of one schema, as the API describes them."""
        query = {"catalog_name": catalog, "schema_name": schema, "omit_columns": str(not columns).lower()}
        return list(self._pages("/tables", "tables", query))

    def functions(self, catalog: str, schema: str) -> list[dict[str, Any]]:
        """All functions of a schema, as the API describes them."""
        return list(self._pages("/functions", "functions", {"catalog_name": catalog, "schema_name": schema}))

    def effective_grants(self, kind: str, name: str) -> list[dict[str, Any]]:
        """Who has which privileges on an object, also by inheritance, as far as the caller is told."""
        return list(self._pages(f"/effective-permissions/{kind}/{quote(name)}", "privilege_assignments", {}))

    def create_table(self, name: TableName, wire: dict[str, Any]) -> None:
        """Register a table whose Delta log exists, or a view."""
        body = {"catalog_name": name.catalog, "schema_name": name.schema, "name": name.name, **wire}
        status, answer = self.call("POST", "/tables", body)
        if status == 409 or answer.get("error_code", "").endswith("ALREADY_EXISTS"):
            raise already_exists("table", str(name))
        accept(status, answer)
        self._made("table", name.full)

    def drop_table(self, name: TableName) -> None:
        """Remove a table; the catalog removes a managed table's data too."""
        accept(*self.call("DELETE", f"/tables/{quote(name.full)}"))
        self._made("table", name.full)

    def comment(self, name: TableName, text: str) -> None:
        """Set the comment of a table."""
        self._change(name, {"comment": text})

    def describe(self, name: TableName, comment: str | None, properties: dict[str, str]) -> None:
        """Set comment and properties of a table, as of one that was made anew."""
        self._change(name, {"comment": comment, "properties": properties})

    def change(self, what: str, name: str, body: dict[str, Any]) -> None:
        """Change owner, comment, name or properties of a `catalogs`, `schemas`, `volumes` or `tables` entry."""
        status, answer = self.call("PATCH", f"/{what}/{quote(name)}", body)
        if status == 409 or answer.get("error_code", "").endswith("ALREADY_EXISTS"):
            raise already_exists(what.removesuffix("s"), str(body.get("new_name", name)))
        accept(status, answer)
        for changed in {name, str(body.get("new_name", name))}:
            self._made(what.removesuffix("s"), changed)

    def keys(self, name: TableName) -> list[dict[str, Any]]:
        """A table's keys, as the API has them."""
        wire = accept(*self.call("GET", f"/tables/{quote(name.full)}"))
        kinds = ("primary_key_constraint", "foreign_key_constraint")
        found = wire.get("table_constraints") or []
        return [{kind: one[kind]} for one in found for kind in kinds if one.get(kind)]

    def add_constraint(self, name: TableName, constraint: dict[str, Any]) -> None:
        """Enter a primary or foreign key, as the API describes it."""
        accept(*self.call("POST", "/constraints", {"full_name_arg": name.full, "constraint": constraint}))

    def drop_constraint(self, name: TableName, constraint: str, *, cascade: bool = False) -> bool:
        """Remove a key, with `cascade` those that refer to it, too; False if the table has none of this name."""
        query = urlencode({"constraint_name": constraint, "cascade": str(cascade).lower()})
        status, answer = self.call("DELETE", f"/constraints/{quote(name.full)}?{query}")
        return status != 404 and accept(status, answer) is not None

    def _change(self, name: TableName, body: dict[str, Any]) -> None:
        accept(*self.call("PATCH", f"/tables/{quote(name.full)}", body))
        self._made("table", name.full)

    def has_schema(self, catalog: str, schema: str) -> bool:
        """Whether the schema exists."""
        status, wire = self.call("GET", f"/schemas/{quote(f'{catalog}.{schema}')}")
        return status != 404 and bool(accept(status, wire))

    def need_schema(self, catalog: str, schema: str) -> None:
        """Raise SCHEMA_NOT_FOUND unless the schema exists."""
        if not self.has_schema(catalog, schema):
            raise not_found("schema", f"`{catalog}`.`{schema}`")

    def has_catalog(self, catalog: str) -> bool:
        """Whether the catalog exists."""
        status, wire = self.call("GET", f"/catalogs/{quote(catalog)}")
        return status != 404 and bool(accept(status, wire))

    def schemas(self, catalog: str) -> list[dict[str, Any]]:
        """All schemas of a catalog, as the API describes them."""
        return list(self._pages("/schemas", "schemas", {"catalog_name": catalog}))

    def volumes(self, catalog: str, schema: str) -> list[dict[str, Any]]:
        """All volumes of a schema, as the API describes them."""
        return list(self._pages("/volumes", "volumes", {"catalog_name": catalog, "schema_name": schema}))

    def find_function(self, name: TableName, through: tuple[str, ...] = ()) -> dict[str, Any] | None:
        """The function as the API describes it, or None if the catalog does not have it.

        Args:
            name: Its name.
            through: The views and functions by which it is called, outermost first: with the rights of their owners.
        """
        if through:
            body = {"views": list(through), "name": f"{name.full}()"}
            status, wire = self.call("POST", "/view-reads", body, repeatable=True)
            return self._seen("function", name, None if status == 404 else accept(status, wire))
        return self._seen("function", name, self.wire_of("function", name.full))

    def create_function(self, wire: dict[str, Any]) -> None:
        """Make a function of a name that is free."""
        accept(*self.call("POST", "/functions", {"function_info": wire}))
        self._made("function", f"{wire['catalog_name']}.{wire['schema_name']}.{wire['name']}")

    def drop_function(self, name: TableName) -> None:
        """Remove a function."""
        accept(*self.call("DELETE", f"/functions/{quote(name.full)}"))
        self._made("function", name.full)

    def catalogs(self) -> list[dict[str, Any]]:
        """All catalogs of the metastore, as the API describes them."""
        return list(self._pages("/catalogs", "catalogs", {}))

    def all_catalogs(self) -> list[dict[str, Any]]:
        """All catalogs that a session can use, the legacy one too, which is no part of the metastore."""
        return [accept(*self.call("GET", f"/catalogs/{HIVE}")), *self.catalogs()]

    def create(self, what: str, body: dict[str, Any], *, exists_ok: bool) -> None:
        """Create a `schemas`, `catalogs` or `volumes` entry."""
        status, wire = self.call("POST", f"/{what}", body)
        if status == 409 or wire.get("error_code", "").endswith("ALREADY_EXISTS"):
            if exists_ok:
                return
            raise already_exists(what.removesuffix("s"), body["name"])
        accept(status, wire)

    def delete(self, what: str, name: str, *, force: bool, missing_ok: bool) -> None:
        """Delete a `schemas`, `catalogs` or `volumes` entry; `force` deletes what is in it too."""
        status, wire = self.call("DELETE", f"/{what}/{quote(name)}?force={str(force).lower()}")
        if status == 404:
            if missing_ok:
                return
            raise not_found(what.removesuffix("s"), name)
        accept(status, wire)

    def _pages(self, path: str, key: str, query: dict[str, str]) -> Iterator[dict[str, Any]]:
        for uses in concerned(self.uses):
            uses.listed()
        while True:
            wire = accept(*self.call("GET", f"{path}?{urlencode(query)}"))
            yield from wire.get(key) or []
            if not wire.get("next_page_token"):
                return
            query = {**query, "page_token": wire["next_page_token"]}

    def call(
        self, method: str, path: str, body: dict[str, Any] | None = None, *, repeatable: bool = False
    ) -> tuple[int, dict[str, Any]]:
        """One request: status and JSON answer; see `send`.

        Raises:
            SparkError: If the workspace cannot be reached.
        """
        content = None if body is None else json.dumps(body).encode()
        status, raw = self.send(method, BASE + path, content, repeatable=repeatable)
        try:
            wire = json.loads(raw or b"{}")
        except ValueError as exc:
            raise SparkError("CATALOG_ERROR", f"Unity Catalog answered {status} without JSON.") from exc
        return status, wire

    def send(self, method: str, path: str, body: bytes | None = None, *, repeatable: bool = False) -> tuple[int, bytes]:
        """One request to the workspace.

        A connection that the workspace has closed meanwhile is opened again once, to read; what changes something
        is sent once, over a new one. `repeatable` says that a POST changes nothing.
        """
        reads = repeatable or method == "GET"
        for last in (not reads, True):
            connection = self._connection(fresh=not reads)
            try:
                connection.request(method, path, body, self._headers)
                answer = connection.getresponse()
                return answer.status, answer.read()
            except (OSError, http.client.HTTPException) as exc:
                connection.close()
                if last:
                    raise SparkError(
                        "CATALOG_UNREACHABLE", f"The workspace at {self._address} does not answer: {exc!r}."
                    ) from exc
        raise AssertionError("unreachable")

    def _connection(self, *, fresh: bool) -> http.client.HTTPConnection:
        connection: http.client.HTTPConnection | None = getattr(self._local, "connection", None)
        if connection is None:
            kind = http.client.HTTPSConnection if self._scheme == "https" else http.client.HTTPConnection
            connection = self._local.connection = kind(self._address, timeout=60)
        if fresh:
            connection.close()
        return connection


def accept(status: int, wire: dict[str, Any]) -> dict[str, Any]:
    """The answer, if it is one.

    Raises:
        SparkError: With the catalog's own code and message.
    """
    if status < 400:
        return wire
    code = str(wire.get("error_code") or f"HTTP_{status}")
    message = str(wire.get("message") or "Unity Catalog refused the request.")
    condition = CONDITIONS.get(code, code)
    if condition == "INSUFFICIENT_PERMISSIONS":
        message = f"Insufficient privileges:\n{message}"
    raise SparkError(condition, message, sql_state=STATES.get(condition, ""))
