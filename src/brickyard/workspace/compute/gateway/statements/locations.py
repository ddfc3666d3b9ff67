"""External locations and storage credentials: CREATE, ALTER, DROP, DESCRIBE and SHOW; and LIST of what is at a path.

Source: https://docs.databricks.com/sql/language-manual/ (sql-ref-syntax-ddl-create-location, sql-ref-syntax-aux-list)
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pyarrow as pa

from brickyard.workspace.compute.gateway import literals
from brickyard.workspace.compute.gateway.errors import SparkError, unsupported
from brickyard.workspace.compute.gateway.patterns import matches, read_pattern
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.sqltext import Cursor
from brickyard.workspace.compute.gateway.unity import accept

__all__ = ["KINDS", "alter", "create", "describe", "drop", "kind_of", "list_path", "show"]

TEXT, LONG, FLAG = pa.string(), pa.int64(), pa.bool_()
#: The words for an object -> what the API calls its kind.
KINDS = {
    ("EXTERNAL", "LOCATION"): "external-locations",
    ("STORAGE", "CREDENTIAL"): "storage-credentials",
    ("CREDENTIAL",): "storage-credentials",
}
_LOCATION = ("name", "url", "credential_name", "owner", "created_by", "created_at", "comment")
_CREDENTIAL = ("name", "owner", "created_at", "created_by", "comment")
_MOST_LISTED = 1001


def kind_of(cursor: Cursor, plural: str = "") -> str | None:
    """Read the words for a location or a credential, if they come next: what the API calls its kind."""
    for words, kind in KINDS.items():
        if cursor.take(*words[:-1], words[-1] + plural):
            return kind
    return None


def create(cursor: Cursor, session: Session, kind: str) -> Any:
    """`[IF NOT EXISTS] name URL '...' WITH (STORAGE CREDENTIAL c) [COMMENT '...']`, after CREATE EXTERNAL LOCATION."""
    if kind != "external-locations":
        raise unsupported("CREATE STORAGE CREDENTIAL", "Use w.storage_credentials.create(...) of the SDK.")
    exists_ok = cursor.take("IF", "NOT", "EXISTS")
    body: dict[str, Any] = {"name": cursor.name()[0].lower()}
    while not cursor.done:
        body |= _clause(cursor)
    session.catalog.create(kind, body, exists_ok=exists_ok)
    return literals.empty()


def _clause(cursor: Cursor) -> dict[str, Any]:
    if cursor.take("URL"):
        return {"url": cursor.string()}
    if cursor.take("COMMENT"):
        return {"comment": cursor.string()}
    cursor.expect("WITH")
    cursor.expect("(")
    _ = cursor.take("STORAGE")
    cursor.expect("CREDENTIAL")
    name = cursor.name()[0].lower()
    cursor.expect(")")
    return {"credential_name": name}


def alter(cursor: Cursor, session: Session, kind: str) -> None:
    """`name RENAME TO n | SET URL '...' | SET STORAGE CREDENTIAL c | OWNER TO p`, after ALTER EXTERNAL LOCATION."""
    name = cursor.name()[0].lower()
    if cursor.take("RENAME", "TO"):
        body: dict[str, Any] = {"new_name": cursor.name()[0].lower()}
    elif cursor.take("SET", "URL"):
        body = {"url": cursor.string(), "force": cursor.take("FORCE")}
    elif cursor.take("SET", "STORAGE", "CREDENTIAL"):
        body = {"credential_name": cursor.name()[0].lower()}
    elif cursor.take("SET", "OWNER", "TO") or cursor.take("OWNER", "TO"):
        body = {"owner": str(cursor.next().text)}
    else:
        raise unsupported(f"ALTER ... {cursor.peek()} {cursor.peek(1)}", "Use the workspace's API.")
    cursor.end()
    session.catalog.change(kind, name, body)


def drop(cursor: Cursor, session: Session, kind: str) -> Any:
    """`[IF EXISTS] name [FORCE]`, after DROP EXTERNAL LOCATION."""
    missing_ok = cursor.take("IF", "EXISTS")
    name = cursor.name()[0].lower()
    force = cursor.take("FORCE")
    cursor.end()
    session.catalog.delete(kind, name, force=force, missing_ok=missing_ok)
    return literals.empty()


def describe(cursor: Cursor, session: Session, kind: str) -> Any:
    """The object of a name, as one row."""
    name = cursor.name()[0].lower()
    cursor.end()
    wire = accept(*session.catalog.call("GET", f"/{kind}/{quote(name)}"))
    fields = _LOCATION if kind == "external-locations" else _CREDENTIAL
    return literals.rows(dict.fromkeys(fields, TEXT), [tuple(_shown(field, wire.get(field)) for field in fields)])


def _shown(field: str, value: Any) -> str | None:
    if field == "created_at" and value is not None:
        return datetime.fromtimestamp(value / 1000, UTC).isoformat(sep=" ", timespec="seconds")[:-6]
    return None if value is None else str(value)


def show(cursor: Cursor, session: Session, kind: str) -> Any:
    """All of them, or those that fit a pattern."""
    pattern = read_pattern(cursor)
    found = accept(*session.catalog.call("GET", f"/{kind}"))[kind.replace("-", "_")]
    fields = ("name", "url", "comment") if kind == "external-locations" else ("name", "comment")
    rows = [tuple(wire.get(field) for field in fields) for wire in found if matches(wire["name"], pattern)]
    return literals.rows(dict.fromkeys(fields, TEXT), rows)


def list_path(cursor: Cursor, session: Session) -> Any:
    """`LIST 'path' [WITH (CREDENTIAL c)] [LIMIT n]`: what is in a directory."""
    cursor.expect("LIST")
    path = cursor.string()
    if cursor.take("WITH"):
        raise unsupported("LIST ... WITH (CREDENTIAL ...)", "Leave the credential out: the location's is taken.")
    limit = int(cursor.number()) if cursor.take("LIMIT") else _MOST_LISTED
    cursor.end()
    (place,) = session.places.mapper.existing(path)[:1]
    if not place.is_dir():
        raise SparkError("PATH_NOT_FOUND", f"{path} is not a directory.", sql_state="42K03")
    base, rows = path.rstrip("/"), []
    for entry in sorted(place.iterdir())[:limit]:
        status, slash = entry.stat(), "/" if entry.is_dir() else ""
        size = 0 if slash else status.st_size
        rows.append((f"{base}/{entry.name}{slash}", f"{entry.name}{slash}", size, int(status.st_mtime * 1000)))
    return literals.rows({"path": TEXT, "name": TEXT, "size": LONG, "modification_time": LONG}, rows)
