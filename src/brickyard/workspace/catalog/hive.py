"""`hive_metastore`: the catalog of before Unity Catalog, which knows no privileges and keeps its tables in DBFS.

Everybody may do everything in it, as on a cluster without table access control. It is no part of the metastore: lists
of catalogs do not have it, Spark's and SQL's do.

Source: https://docs.databricks.com/data-governance/unity-catalog/hive-metastore
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from brickyard.workspace.api.errors import InvalidParameterValue, NotImplementedByWorkspace
from brickyard.workspace.catalog.records import CATALOG, SCHEMA

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["HIVE", "LEGACY_MODES", "add_hive", "in_hive", "only_in_unity", "refuse_grants"]
__all__ += ["table_place"]

HIVE = "hive_metastore"
#: Modes of clusters that know nothing of Unity Catalog.
LEGACY_MODES = frozenset(
    {"NONE", "LEGACY_PASSTHROUGH", "LEGACY_SINGLE_USER", "LEGACY_SINGLE_USER_STANDARD", "LEGACY_TABLE_ACL"}
)
_DEFAULT = "default"


def in_hive(full_name: str) -> bool:
    """Whether a name is of the legacy catalog, or of something in it."""
    return full_name.partition(".")[0].lower() == HIVE


def add_hive(connection: Connection, owner: str) -> None:
    """Make the catalog in a workspace that does not have it."""
    if CATALOG.find(connection, HIVE) is None:
        CATALOG.add(connection, HIVE, owner, comment="The catalog of before Unity Catalog", properties=None)
        SCHEMA.add(connection, f"{HIVE}.{_DEFAULT}", owner, comment="Default Hive database")


def table_place(data: Path, full_name: str) -> Path:
    """Where a managed table is: those of Hive's schema `default` are in the warehouse's directory itself."""
    catalog, schema, name = full_name.split(".")
    if catalog != HIVE:
        return data.joinpath("tables", catalog, schema, name)
    warehouse = data / "dbfs" / "user" / "hive" / "warehouse"
    return warehouse / name if schema == _DEFAULT else warehouse / f"{schema}.db" / name


def only_in_unity(full_name: str, what: str) -> None:
    """Refuse in the legacy catalog what there is in Unity Catalog only.

    Raises:
        InvalidParameterValue: The name is in it.
    """
    if in_hive(full_name):
        raise InvalidParameterValue(f"{what} are only supported in Unity Catalog, not in {HIVE}: {full_name}.")


def refuse_grants(full_name: str) -> None:
    """Refuse grants in the legacy catalog.

    Raises:
        NotImplementedByWorkspace: The name is in it.
    """
    if in_hive(full_name):
        raise NotImplementedByWorkspace(
            f"table access control of {HIVE} is not enabled: everybody may use {full_name}. Move it to a catalog of "
            "Unity Catalog to grant on it."
        )
