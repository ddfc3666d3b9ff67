"""The table of predictions: found or made, written in one commit, stamped with what it was made of."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from brickyard.errors import DataError
from brickyard.scoring.arrow_types import plain_schema, stores
from brickyard.scoring.hashes import RowSet
from brickyard.scoring.inputs import BATCH_ROWS, reading
from brickyard.scoring.staying import replaces_whole_rows, staying_rows
from brickyard.scoring.tables import MAINTENANCE, TableLocation, locate_table, quoted

if TYPE_CHECKING:
    import pyarrow as pa
    from databricks.sdk.core import ApiClient
    from deltalake import CommitProperties, DeltaTable, WriterProperties

    from brickyard.scoring.source import ModelSource
    from brickyard.scoring.stream import ScoredRows

    Arriving: TypeAlias = Callable[[], Iterable[pa.RecordBatch]] | None

__all__ = ["Mode", "OutputTable"]

Mode: TypeAlias = Literal["append", "overwrite", "merge", "incremental"]

_PREFIX = "brickyard.scoring."
_GROUP_ROWS = 2 * BATCH_ROWS
_OTHER = "choose another output table, or drop this one"


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
    def find(cls, api: ApiClient, name: str, *, beside: str | None) -> OutputTable:
        """Find the table, or the place for it next to the table at the location `beside`.

        Without such a table a new one has no place: the workspace has to make it before rows are written.

        Raises:
            DataError: It does not exist, and can only be made by the workspace itself (cloud storage), or there is
                no schema for it.
        """
        from deltalake import DeltaTable

        registered = _exists(api, name)
        if not registered and beside is None:
            return cls(TableLocation(name, ""), None, False)
        location = locate_table(api, name, "READ_WRITE") if registered else _place(name, beside or "")
        options = dict(location.storage_options) or None
        is_table = DeltaTable.is_deltatable(location.uri, storage_options=options)
        return cls(location, DeltaTable(location.uri, storage_options=options) if is_table else None, registered)

    @property
    def placed(self) -> bool:
        """Whether it has a place."""
        return bool(self.location.uri)

    @property
    def version(self) -> int | None:
        """Its Delta version."""
        return self.table.version() if self.table is not None else None

    def has(self, stamp: Mapping[str, str], mode: Mode) -> bool:
        """Whether a scoring run with this stamp is what it holds.

        For `append` that is any run of its history; for the others the newest one, after which nothing but
        maintenance was done.
        """
        if self.table is None:
            return False
        if mode == "append":
            return self.table.transaction_version(_transaction(stamp, mode)) is not None
        for commit in self.table.history():
            if commit.get("operation") not in MAINTENANCE:
                return all(commit.get(_PREFIX + name) == value for name, value in stamp.items())
        return False

    def scored_keys(self, keys: Sequence[str], source: ModelSource) -> RowSet:
        """The keys of the rows that a version of a model has scored.

        Raises:
            DataError: The table has no such columns, or cannot be read.
        """
        import pyarrow.dataset as ds

        if self.table is None:
            return RowSet((), keys)
        with reading(self.location.name):
            dataset = self.table.to_pyarrow_dataset()
            self._require([*keys, "model_name", "model_version"], dataset.schema.names)
            same = (ds.field("model_name") == source.name) & (ds.field("model_version") == source.version)
            batches = dataset.to_batches(columns=list(keys), filter=same, batch_readahead=2, fragment_readahead=1)
            return RowSet(batches, keys)

    def type_of(self, column: str) -> pa.DataType | None:
        """The type of a column; none where it does not have it."""
        import pyarrow as pa

        schema = pa.schema(self.table.schema().to_arrow() if self.table is not None else [])
        return schema.field(column).type if column in schema.names else None

    def require_empty(self) -> None:
        """Refuse a table that somebody else made and wrote to, where it was to be made.

        Raises:
            DataError: It has rows.
        """
        if self.count():
            raise self._overtaken()

    def count(self) -> int:
        """How many rows it has."""
        return int(self.table.count()) if self.table is not None else 0

    def write(
        self, scored: ScoredRows, keys: Sequence[str], stamp: Mapping[str, str], mode: Mode, arriving: Arriving
    ) -> int:
        """Put the rows in, in one commit.

        Args:
            scored: The rows.
            keys: The columns that identify a row.
            stamp: What they were made of.
            mode: `overwrite` replaces all rows; others add rows.
            arriving: Gives the keys of the rows, where rows with known keys are replaced.

        Returns:
            The number of rows.

        Raises:
            DataError: The table has other columns, or the keys do not identify a row; nothing was written.
        """
        from deltalake import CommitProperties, DeltaTable, Transaction
        from deltalake.exceptions import DeltaError

        commit = CommitProperties(
            custom_metadata={_PREFIX + name: value for name, value in stamp.items()},
            app_transactions=[Transaction(_transaction(stamp, mode), 1)],
            # The library would add the rows to a table that another run has made meanwhile.
            max_commit_retries=0 if self.table is None else None,
        )
        try:
            if scored.empty:
                if self.table is not None:
                    self.table.delete(commit_properties=commit)
            elif self.table is not None and arriving is not None and self.count():
                self._merge(self.table, scored, keys, commit, arriving)
            else:
                self._add(scored, keys, mode, commit)
        except (DeltaError, OSError, ValueError) as error:
            raise scored.failure or self._failure(error) from error
        finally:
            scored.close()
        self.table = DeltaTable(self.location.uri, storage_options=self._options)
        return scored.rows

    @property
    def _options(self) -> dict[str, str] | None:
        return dict(self.location.storage_options) or None

    def _failure(self, error: Exception) -> DataError:
        where = f"{self.location.name} in {self.location.uri}"
        # These have no classes of their own in the Delta library.
        if "No space left on device" in str(error):
            return DataError(
                "there is no room on the disk for the predictions; the table is as it was",
                where=where,
                next="make room there, then run the same command again",
            )
        if any(word in str(error).lower() for word in ("concurrent", "conflict", "already exists")) or self._made():
            return self._overtaken()
        return DataError(f"the predictions could not be written: {error}", where=self.location.name)

    def _made(self) -> bool:
        """Whether the table, which was not there, is there now."""
        from deltalake import DeltaTable

        return self.table is None and DeltaTable.is_deltatable(self.location.uri, storage_options=self._options)

    def _overtaken(self) -> DataError:
        return DataError(
            "another run has written to the table meanwhile; of this one nothing was written",
            where=f"{self.location.name} in {self.location.uri}",
            next="run the same command again",
        )

    def register(self, api: ApiClient) -> None:
        """Make Unity Catalog know the table, where it does not yet."""
        from databricks.sdk.errors.base import DatabricksError
        from databricks.sdk.service.catalog import DataSourceFormat, TablesAPI, TableType

        from brickyard.plan.connect import calling

        if self.registered or self.table is None:
            return
        catalog, schema, name = self.location.name.split(".")
        place = self.location.uri
        with calling(f"register the table '{self.location.name}'", place):
            try:
                TablesAPI(api).create(
                    name, catalog, schema, TableType.MANAGED, DataSourceFormat.DELTA, storage_location=place
                )
            except DatabricksError:
                # Another run may have, after this one had looked.
                known = _exists(api, self.location.name)
                if not known or _path(locate_table(api, self.location.name).uri) != _path(place):
                    raise
        self.registered = True

    def _add(self, scored: ScoredRows, keys: Sequence[str], mode: Mode, commit: CommitProperties) -> None:
        if self.table is not None:
            self._fit(scored.schema, self.table, exactly=True)
        how: Literal["error", "overwrite", "append"] = "overwrite" if mode == "overwrite" else "append"
        self._write(scored.reader(), keys, "error" if self.table is None else how, commit)

    def _write(
        self,
        rows: pa.RecordBatchReader,
        keys: Sequence[str],
        mode: Literal["error", "overwrite", "append"],
        commit: CommitProperties,
        predicate: str | None = None,
    ) -> None:
        from deltalake import write_deltalake

        among: dict[str, Any] = {} if predicate is None else {"predicate": predicate}
        write_deltalake(
            self.location.uri if self.table is None else self.table,
            rows,
            mode=mode,
            **among,
            storage_options=self._options,
            commit_properties=commit,
            writer_properties=_writing(rows.schema, keys),
        )

    def _merge(
        self,
        table: DeltaTable,
        scored: ScoredRows,
        keys: Sequence[str],
        commit: CommitProperties,
        arriving: Callable[[], Iterable[pa.RecordBatch]],
    ) -> None:
        self._fit(scored.schema, table)
        if replaces_whole_rows(table, scored.schema):
            staying = staying_rows(table, keys, arriving(), self.location.name)
            self._write(scored.reader(staying.rows), keys, "overwrite", commit, staying.predicate)
            return
        same = " AND ".join(f"target.{quoted(key)} = source.{quoted(key)}" for key in keys)
        merger = table.merge(
            scored.reader(), same, source_alias="source", target_alias="target", commit_properties=commit
        )
        columns = {quoted(name): f"source.{quoted(name)}" for name in scored.schema.names}
        merger.when_matched_update(columns).when_not_matched_insert(columns).execute()

    def _fit(self, schema: pa.Schema, table: DeltaTable, *, exactly: bool = False) -> None:
        """Refuse an output with other columns, or with others than rows of this schema have."""
        import pyarrow as pa

        known, given = plain_schema(pa.schema(table.schema().to_arrow())), plain_schema(schema)
        self._require(given.names, known.names)
        more = [name for name in known.names if name not in given.names]
        other = [
            f"{field.name} is {known.field(field.name).type}, not {field.type}"
            for field in given
            if not stores(known.field(field.name).type, field.type)
        ]
        if other or (exactly and more):
            what = f"other types: {'; '.join(other)}" if other else f"further columns: {', '.join(more)}"
            raise DataError(f"the output table has {what}", where=self.location.name, next=_OTHER)

    def _require(self, names: Sequence[str], known: Sequence[str]) -> None:
        missing = [name for name in names if name not in known]
        if missing:
            message = f"the output table has no column {', '.join(missing)}"
            raise DataError(message, where=self.location.name, next=_OTHER)


def _writing(schema: pa.Schema, keys: Sequence[str]) -> WriterProperties:
    """Small row groups, which are what the writer holds in memory; no dictionaries of values that hardly repeat."""
    import pyarrow.types as types
    from deltalake import ColumnProperties, WriterProperties

    without = [field.name for field in schema if types.is_floating(field.type) or field.name in keys]
    columns = {name: ColumnProperties(dictionary_enabled=False) for name in without}
    return WriterProperties(max_row_group_size=_GROUP_ROWS, column_properties=columns)


def _transaction(stamp: Mapping[str, str], mode: Mode) -> str:
    """What Delta remembers in the table's state: of two such commits at the same time only one succeeds.

    Whoever replaces rows, in whichever mode, has looked at those that were there: none of them may have a neighbour.
    """
    if mode != "append":
        return f"{_PREFIX}replace"
    written = json.dumps(sorted(stamp.items()))
    return f"{_PREFIX}append/{hashlib.sha256(written.encode()).hexdigest()}"


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
            _require_schema(api, name)
            return False
    return True


def _require_schema(api: ApiClient, name: str) -> None:
    from databricks.sdk.errors.platform import NotFound
    from databricks.sdk.service.catalog import SchemasAPI

    schema = name.rpartition(".")[0]
    try:
        SchemasAPI(api).get(schema)
    except NotFound as error:
        message = f"there is no schema '{schema}' for the output table"
        raise DataError(message, where=name, next="create it and its catalog, or correct the name") from error


def _path(uri: str) -> str:
    return uri.removeprefix("file://").rstrip("/")


def _place(name: str, beside: str) -> TableLocation:
    if not beside.startswith(("file:", "/")):
        raise DataError(
            f"there is no table '{name}', and a managed table in the cloud can only be made by the workspace",
            where=name,
            next=f"create it there first: CREATE TABLE {name} (...) USING DELTA",
        )
    tables = beside.rstrip("/").rsplit("/", 3)[0]
    return TableLocation(name, "/".join([tables, *name.split(".")]))
