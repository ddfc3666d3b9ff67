"""What a new workspace has: the catalog `main` with its schema `default`, and what everybody may do there.

Source: https://docs.databricks.com/data-governance/unity-catalog/manage-privileges/ ("Workspace catalog privileges").
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection, insert, select

from brickyard.workspace.catalog.grants import Change, Grants
from brickyard.workspace.catalog.objects import find
from brickyard.workspace.catalog.privileges import ObjectKind
from brickyard.workspace.catalog.records import CATALOG, SCHEMA, CatalogRecord
from brickyard.workspace.clock import now
from brickyard.workspace.store.catalog import metastores

if TYPE_CHECKING:
    from brickyard.workspace.workspace import Workspace

__all__ = ["DEFAULT_CATALOG", "DEFAULT_SCHEMA", "add_catalog", "add_main", "grant_defaults"]

DEFAULT_CATALOG = "main"
DEFAULT_SCHEMA = "default"
_ON_MAIN = frozenset({"BROWSE", "USE_CATALOG"})
_ON_DEFAULT = frozenset({"CREATE_FUNCTION", "CREATE_MODEL", "CREATE_TABLE", "CREATE_VOLUME", "USE_SCHEMA"})


def add_catalog(
    connection: Connection, name: str, by: str, comment: str | None = None, properties: dict[str, str] | None = None
) -> CatalogRecord:
    """Make a catalog with its schema `default`.

    Raises:
        ApiError: `CATALOG_ALREADY_EXISTS`.
    """
    record = CATALOG.add(connection, name, by, comment=comment, properties=properties)
    SCHEMA.add(connection, f"{name}.{DEFAULT_SCHEMA}", by)
    return record


def add_main(workspace: Workspace) -> None:
    """Make the catalog `main` in a workspace that has none."""
    owner = workspace.identity.owner.user_name
    with workspace.store.write() as connection:
        if not CATALOG.children(connection):
            add_catalog(connection, DEFAULT_CATALOG, owner)


def grant_defaults(workspace: Workspace, grants: Grants, metastore_id: str) -> None:
    """Grant everybody what a new workspace grants, once: what is revoked afterwards stays revoked."""
    schema = f"{DEFAULT_CATALOG}.{DEFAULT_SCHEMA}"
    with workspace.store.read() as connection:
        if connection.execute(select(metastores.c.id)).first() is not None:
            return
        wanted = [
            (find(connection, ObjectKind.CATALOG, DEFAULT_CATALOG), _ON_MAIN),
            (find(connection, ObjectKind.SCHEMA, schema), _ON_DEFAULT),
        ]
    everybody = workspace.identity.principals.users
    for target, privileges in wanted:
        if target is not None:
            grants.change(target, [Change(everybody, privileges)])
    with workspace.store.write() as connection:
        connection.execute(insert(metastores).values(id=metastore_id, created_at=now()))
