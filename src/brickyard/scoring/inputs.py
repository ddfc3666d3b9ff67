"""What is scored: a table at one version, or the rows that a range of versions brought."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from brickyard.errors import DataError
from brickyard.scoring.memory import reading_pool
from brickyard.scoring.tables import MAINTENANCE, open_table

if TYPE_CHECKING:
    import pyarrow as pa
    from databricks.sdk.core import ApiClient
    from deltalake import DeltaTable
    from pyarrow.dataset import Dataset

__all__ = ["BATCH_ROWS", "InputRows", "range_rows", "reading", "stream", "table_rows"]

BATCH_ROWS = 65_536
_PART_BYTES = 1 << 20


@dataclass(frozen=True)
class InputRows:
    """Rows that can be read, once or again, in batches.

    Attributes:
        what: How messages call them.
        identity: Exactly which rows these are; the same again means the same rows.
        schema: Their columns.
        total: How many there are; None where that is known only at the end.
        beside: Location of a table next to which a new one can be made; None where there is none.
        read: Reads some of the columns.
    """

    what: str
    identity: Mapping[str, str]
    schema: pa.Schema
    total: int | None
    beside: str | None
    read: Callable[[Sequence[str]], Iterator[pa.RecordBatch]]


def table_rows(api: ApiClient, name: str, version: int | None = None) -> InputRows:
    """All rows of a table, at its newest version or at a given one.

    Raises:
        DataError: There is no such table or version, or it cannot be read.
    """
    table = open_table(api, name, version)
    with reading(name):
        dataset = table.to_pyarrow_dataset()
        total = dataset.count_rows()
    what = f"{name} (version {table.version()})"
    return InputRows(what, _identity(api, name, table), dataset.schema, total, table.table_uri, stream(dataset, name))


def range_rows(api: ApiClient, name: str, first: int, last: int | None, keys: Sequence[str]) -> InputRows:
    """The rows that the commits `first` to `last` of a table added or changed, as they are after the last.

    Change data is read where the table has it; else the files that were added, where nothing but rows was.

    Args:
        api: The workspace.
        name: The table's full name.
        first: The first version whose rows count.
        last: The last one; the newest by default.
        keys: The columns that identify a row; needed where a row was changed more than once.

    Raises:
        DataError: There is no such table or version, or its log does not say which rows were changed.
    """
    from brickyard.scoring.changes import added_files, changed_rows

    table = open_table(api, name, last)
    if not 0 <= first <= table.version():
        raise DataError(
            f"there is no range of versions {first} to {table.version()}", where=name, next="begin at one that is there"
        )
    identity = {**_identity(api, name, table), "input_from": str(first)}
    what = f"{name} (versions {first} to {table.version()})"
    with reading(name):
        schema = table.to_pyarrow_dataset().schema
        if table.metadata().configuration.get("delta.enableChangeDataFeed") == "true":
            read = changed_rows(table, first, keys, name)
            return InputRows(what, identity, schema, None, table.table_uri, read)
        dataset = added_files(table, first, name)
        total = dataset.count_rows() if dataset else 0
        read = stream(dataset, name) if dataset else lambda columns: iter(())
    return InputRows(what, identity, schema, total, table.table_uri, read)


def stream(dataset: Dataset, name: str) -> Callable[[Sequence[str]], Iterator[pa.RecordBatch]]:
    """Read a dataset in batches, few of them ahead, and of each file a part at a time."""

    def read(columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        from pyarrow.dataset import ParquetFragmentScanOptions

        parts = ParquetFragmentScanOptions(pre_buffer=False, use_buffered_stream=True, buffer_size=_PART_BYTES)
        with reading(name):
            yield from dataset.to_batches(
                columns=list(columns),
                batch_size=BATCH_ROWS,
                batch_readahead=2,
                fragment_readahead=1,
                fragment_scan_options=parts,
                memory_pool=reading_pool(),
            )

    return read


@contextmanager
def reading(name: str) -> Iterator[None]:
    """Say of which table it is that it cannot be read.

    Raises:
        DataError: It cannot.
    """
    import pyarrow as pa
    from deltalake.exceptions import DeltaError

    try:
        yield
    except (DeltaError, pa.ArrowException, OSError) as error:
        raise DataError(f"the table's rows cannot be read: {error}", where=name) from error


def _identity(api: ApiClient, name: str, table: DeltaTable) -> dict[str, str]:
    version = _rows_version(open_table(api, name), table.version(), name)
    return {"input": name, "input_id": str(table.metadata().id), "input_version": str(version)}


def _rows_version(newest: DeltaTable, version: int, name: str) -> int:
    """The version that made the rows of this one what they are: later ones were maintenance.

    The history is asked of the table at its newest version: of older ones the library counts it wrongly.
    """
    with reading(name):
        for limit in (20, None):
            for commit in newest.history(limit):
                if commit["version"] <= version and commit.get("operation") not in MAINTENANCE:
                    return int(commit["version"])
    return version
