"""A table of Unity Catalog as a Delta table: its location from the catalog, its files from where they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from brickyard.errors import DataError

if TYPE_CHECKING:
    from databricks.sdk.core import ApiClient
    from databricks.sdk.service.catalog import GenerateTemporaryTableCredentialResponse, TableInfo
    from deltalake import DeltaTable

__all__ = ["MAINTENANCE", "TableLocation", "locate_table", "open_table", "quoted"]

# Commits that leave the rows as they are.
MAINTENANCE = frozenset({"OPTIMIZE", "VACUUM START", "VACUUM END", "CREATE CHECKPOINT"}) | {
    "SET TBLPROPERTIES",
    "UNSET TBLPROPERTIES",
    "COMPUTE STATS",
    "CLUSTER BY",
    "ADD CONSTRAINT",
    "DROP CONSTRAINT",
}


@dataclass(frozen=True)
class TableLocation:
    """Where a table's files are, and how to get at them.

    Attributes:
        name: The table's full name.
        uri: Its storage location.
        storage_options: What `deltalake` needs to reach it; holds short-lived credentials, so it is not shown.
    """

    name: str
    uri: str
    storage_options: Mapping[str, str] = field(default_factory=dict, repr=False)


def locate_table(api: ApiClient, name: str, operation: Literal["READ", "READ_WRITE"] = "READ") -> TableLocation:
    """Ask Unity Catalog where a table is, and for credentials where its storage needs them.

    Args:
        api: The workspace.
        name: The table's full name.
        operation: What will be done with it.

    Raises:
        DataError: There is no such table, or it is not a Delta table with files of its own.
    """
    info = _table(api, name)
    data_format = info.data_source_format.value if info.data_source_format else ""
    if not info.storage_location or data_format not in ("DELTA", ""):
        kind = data_format or (info.table_type.value if info.table_type else "object")
        raise DataError(f"'{name}' is not a Delta table but a {kind}", where=name, next="Save it as a Delta table.")
    uri = info.storage_location
    if uri.startswith(("file:", "/")):
        return TableLocation(name, uri)
    return TableLocation(name, uri, _storage_options(api, info, operation))


def open_table(api: ApiClient, name: str, version: int | None = None) -> DeltaTable:
    """Open a table for reading, at its newest version or at a given one.

    Raises:
        DataError: There is no such table, or its files are not there or not readable.
    """
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError

    location = locate_table(api, name)
    options = dict(location.storage_options) or None
    try:
        if version is not None and version > (newest := DeltaTable(location.uri, storage_options=options).version()):
            raise DataError(f"there is no version {version}; the newest is {newest}", where=name)
        return DeltaTable(location.uri, version=version, storage_options=options)
    except (DeltaError, OSError) as exc:
        raise DataError(f"the table's files cannot be read: {exc}", where=f"{name} at {location.uri}") from exc


def quoted(name: str) -> str:
    """A name as SQL writes it."""
    return "`" + name.replace("`", "``") + "`"


def _table(api: ApiClient, name: str) -> TableInfo:
    from databricks.sdk.errors.platform import NotFound
    from databricks.sdk.service.catalog import TablesAPI

    from brickyard.plan.connect import calling

    with calling(f"look for the table '{name}'", name):
        try:
            return TablesAPI(api).get(name)
        except NotFound as exc:
            raise DataError(
                f"there is no table '{name}'", where=name, next="Run the job that creates it, or correct the name."
            ) from exc


def _storage_options(api: ApiClient, info: TableInfo, operation: str) -> dict[str, str]:
    """Short-lived credentials, under the names that `object_store` gives them."""
    from databricks.sdk.service.catalog import TableOperation, TemporaryTableCredentialsAPI

    from brickyard.plan.connect import calling

    with calling(f"get credentials for the files of '{info.full_name}'", info.storage_location):
        answer: GenerateTemporaryTableCredentialResponse = TemporaryTableCredentialsAPI(
            api
        ).generate_temporary_table_credentials(operation=TableOperation(operation), table_id=info.table_id)
    if answer.azure_user_delegation_sas and answer.azure_user_delegation_sas.sas_token:
        return {"azure_storage_sas_token": answer.azure_user_delegation_sas.sas_token}
    if answer.aws_temp_credentials:
        keys = answer.aws_temp_credentials
        return {
            "aws_access_key_id": keys.access_key_id or "",
            "aws_secret_access_key": keys.secret_access_key or "",
            "aws_session_token": keys.session_token or "",
        }
    raise DataError(
        f"the workspace gave no credentials for '{info.full_name}' that are supported (Azure SAS, AWS)",
        where=info.storage_location,
    )
