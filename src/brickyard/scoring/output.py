"""The table of predictions: found or made, merged on keys in one commit, stamped with what it was made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from brickyard.errors import DataError
from brickyard.scoring.tables import TableLocation, locate_table

if TYPE_CHECKING:
    from databricks.sdk.core import ApiClient
    from deltalake import CommitProperties, DeltaTable

    from brickyard.scoring.stream import ScoredRows

__all__ = ["OutputTable"]

_PREFIX = "brickyard.scoring."


@dataclass
class OutputTable:
    """Where predictions go.

    Attributes:
        location: Where its files are, or will be.
        table: The Delta table; none before the first write.
        registered: Whether Unity Catalog knows it.
    """

    location: TableLocation
    table: DeltaTable | None
    registered: bool

    @classmethod
    def find(cls, api: ApiClient, name: str, *, beside: str) -> OutputTable:
        """Find the table, or the place for it next to the table at the location `beside`.

        Raises:
            DataError: It does not exist, and can only be made by the workspace itself (cloud storage).
        """
        from deltalake import DeltaTable

        registered = _exists(api, name)
        location = locate_table(api, name, "READ_WRITE") if registered else _place(name, beside)
        options = dict(location.storage_options) or None
        is_table = DeltaTable.is_deltatable(location.uri, storage_options=options)
        return cls(location, DeltaTable(location.uri, storage_options=options) if is_table else None, registered)

    @property
    def version(self) -> int | None:
        """Its Delta version."""
        return self.table.version() if self.table is not None else None

    def has(self, stamp: Mapping[str, str]) -> bool:
        """Whether its newest commit is a scoring run with this stamp."""
        if self.table is None:
            return False
        newest = self.table.history(1)[0]
        return all(newest.get(_PREFIX + name) == value for name, value in stamp.items())

    def write(self, scored: ScoredRows, keys: Sequence[str], stamp: Mapping[str, str]) -> int:
        """Put the rows in, in one commit: rows with known keys are replaced, others added.

        Returns:
            The number of rows.

        Raises:
            DataError: The table has other columns, or the keys do not identify a row; nothing was written.
        """
        from deltalake import CommitProperties, DeltaTable
        from deltalake.exceptions import DeltaError

        commit = CommitProperties(custom_metadata={_PREFIX + name: value for name, value in stamp.items()})
        options = dict(self.location.storage_options) or None
        try:
            if self.table is None:
                self._create(scored, commit, options)
            else:
                self._merge(self.table, scored, keys, commit)
        except (DeltaError, OSError, ValueError) as error:
            if scored.failure is not None:
                raise scored.failure from error
            if "No space left on device" in str(error):  # no class of its own comes through the Delta library
                raise DataError(
                    "there is no room on the disk for the predictions; the table is as it was",
                    where=f"{self.location.name} in {self.location.uri}",
                    next="make room there, then run the same command again",
                ) from error
            raise DataError(f"the predictions could not be written: {error}", where=self.location.name) from error
        self.table = DeltaTable(self.location.uri, storage_options=options)
        return scored.rows

    def register(self, api: ApiClient) -> None:
        """Make Unity Catalog know the table, where it does not yet."""
        from databricks.sdk.service.catalog import DataSourceFormat, TablesAPI, TableType

        from brickyard.plan.connect import calling

        if self.registered or self.table is None:
            return
        catalog, schema, name = self.location.name.split(".")
        with calling(f"register the table '{self.location.name}'", self.location.uri):
            TablesAPI(api).create(
                name, catalog, schema, TableType.MANAGED, DataSourceFormat.DELTA, storage_location=self.location.uri
            )
        self.registered = True

    def _create(self, scored: ScoredRows, commit: CommitProperties, options: dict[str, str] | None) -> None:
        from deltalake import write_deltalake

        write_deltalake(
            self.location.uri, scored.reader(), mode="error", storage_options=options, commit_properties=commit
        )

    def _merge(self, table: DeltaTable, scored: ScoredRows, keys: Sequence[str], commit: CommitProperties) -> None:
        reader = scored.reader()
        known = {field.name for field in table.schema().fields}
        missing = [name for name in reader.schema.names if name not in known]
        if missing:
            raise DataError(
                f"the output table has no column {', '.join(missing)}",
                where=self.location.name,
                next="choose another output table, or drop this one",
            )
        same = " AND ".join(f"target.`{key}` = source.`{key}`" for key in keys)
        merger = table.merge(reader, same, source_alias="source", target_alias="target", commit_properties=commit)
        columns = {f"`{name}`": f"source.`{name}`" for name in reader.schema.names}
        merger.when_matched_update(columns).when_not_matched_insert(columns).execute()


def _exists(api: ApiClient, name: str) -> bool:
    from databricks.sdk.errors.platform import NotFound
    from databricks.sdk.service.catalog import TablesAPI

    from brickyard.plan.connect import calling

    if len([part for part in name.split(".") if part]) != 3:
        raise DataError(f"'{name}' is not the full name of a table", where=name, next="write CATALOG.SCHEMA.TABLE")
    with calling(f"look for the table '{name}'", name):
        try:
            TablesAPI(api).get(name)
        except NotFound:
            return False
    return True


def _place(name: str, beside: str) -> TableLocation:
    if not beside.startswith(("file:", "/")):
        raise DataError(
            f"there is no table '{name}', and a managed table in the cloud can only be made by the workspace",
            where=name,
            next=f"create it there first: CREATE TABLE {name} (...) USING DELTA",
        )
    tables = beside.rstrip("/").rsplit("/", 3)[0]
    return TableLocation(name, "/".join([tables, *name.split(".")]))
