"""GRANT, REVOKE and SHOW GRANTS, by Unity Catalog's API.

Source: https://docs.databricks.com/sql/language-manual/security-grant
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote as quoted

import pyarrow as pa

from brickyard.workspace.compute.gateway import literals
from brickyard.workspace.compute.gateway.errors import SparkError, unsupported
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.sqltext import Cursor
from brickyard.workspace.compute.gateway.unity import accept

__all__ = ["grant", "revoke", "show_grants"]

TEXT = pa.string()
COLUMNS = {"Principal": TEXT, "ActionType": TEXT, "ObjectType": TEXT, "ObjectKey": TEXT}
#: The words for an object -> what the API calls it, and how many names lead to it.
KINDS = {
    "CATALOG": ("catalog", 1),
    "SCHEMA": ("schema", 2),
    "DATABASE": ("schema", 2),
    "TABLE": ("table", 3),
    "VIEW": ("table", 3),
    "VOLUME": ("volume", 3),
    "FUNCTION": ("function", 3),
    "MODEL": ("function", 3),
    "METASTORE": ("metastore", 0),
    "EXTERNAL LOCATION": ("external_location", 1),
    "STORAGE CREDENTIAL": ("storage_credential", 1),
}
OTHER_KINDS = ("CREDENTIAL", "CONNECTION", "SHARE", "RECIPIENT", "PROVIDER", "CLEAN")


def grant(cursor: Cursor, session: Session) -> Any:
    """`GRANT privilege, ... ON [kind] name TO principal`."""
    cursor.expect("GRANT")
    return _change(cursor, session, "add", "TO")


def revoke(cursor: Cursor, session: Session) -> Any:
    """`REVOKE privilege, ... ON [kind] name FROM principal`."""
    cursor.expect("REVOKE")
    return _change(cursor, session, "remove", "FROM")


def _change(cursor: Cursor, session: Session, what: str, before: str) -> Any:
    privileges = _privileges(cursor)
    kind, name = _object(cursor, session)
    cursor.expect(before)
    principal = cursor.string_or_name()
    cursor.end()
    body = {"changes": [{"principal": principal, what: privileges}]}
    accept(*session.catalog.call("PATCH", f"/permissions/{kind}/{quoted(name)}", body))
    return literals.empty()


def _privileges(cursor: Cursor) -> list[str]:
    """Read `SELECT, MODIFY ON`: names of several words, divided by commas."""
    found: list[str] = []
    words: list[str] = []
    while True:
        token = cursor.next().text.upper()
        if token not in (",", "ON"):
            words.append(token)
            continue
        name = " ".join(words)
        found.append("ALL_PRIVILEGES" if name == "ALL" else name.replace(" ", "_"))
        if token == "ON":
            return found
        words = []


def _object(cursor: Cursor, session: Session) -> tuple[str, str]:
    """The kind and full name of an object; without a kind it is a table."""
    word = cursor.peek()
    if word in OTHER_KINDS and cursor.peek(1) in ("LOCATION", "CREDENTIAL", "ROOM"):
        raise unsupported(f"grants on {word} {cursor.peek(1)} in SQL", "Use w.grants.update(...) of the SDK.")
    for words in ("EXTERNAL LOCATION", "STORAGE CREDENTIAL"):
        if cursor.take(*words.split()):
            return KINDS[words][0], _one(cursor.name())
    kind, depth = KINDS["TABLE"]
    nameless = word == "METASTORE"
    if word in KINDS and cursor.peek(1) not in ((".",) if nameless else (".", "TO", "FROM")):
        cursor.next()
        kind, depth = KINDS[word]
    if kind == "metastore":
        return kind, str(accept(*session.catalog.call("GET", "/current-metastore-assignment"))["metastore_id"])
    if depth == 1:
        return kind, _one(cursor.name())
    if depth == 2:
        return kind, ".".join(session.names.namespace(cursor.name()))
    return kind, session.names.table(cursor.name()).full


def _one(parts: list[str]) -> str:
    if len(parts) != 1:
        raise SparkError("PARSE_SYNTAX_ERROR", f"{'.'.join(parts)} is not the name of a catalog.", sql_state="42601")
    return parts[0].lower()


def show_grants(cursor: Cursor, session: Session) -> Any:
    """`SHOW GRANTS [principal] ON [kind] name`: what is granted, also on what the object is in."""
    principal = None if cursor.peek() == "ON" else cursor.string_or_name()
    cursor.expect("ON")
    kind, name = _object(cursor, session)
    cursor.end()
    rows = []
    for one in session.catalog.effective_grants(kind, name):
        if principal is None or one["principal"].lower() == principal.lower():
            for each in one.get("privileges") or []:
                where = (each.get("inherited_from_type") or kind.upper(), each.get("inherited_from_name") or name)
                rows.append((one["principal"], each["privilege"].replace("_", " "), *where))
    return literals.rows(COLUMNS, sorted(rows))
