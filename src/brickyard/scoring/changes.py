"""The rows that a range of a table's versions brought: by its change data, or by the files that were added."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from brickyard.errors import DataError
from brickyard.scoring.hashes import row_hashes

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from deltalake import DeltaTable
    from pyarrow.dataset import Dataset

__all__ = ["added_files", "changed_rows"]

_KIND, _VERSION = "_change_type", "_commit_version"
_ARRIVED = ("insert", "update_postimage")
# Operations that add rows and take none away, and those that leave the rows alone.
_ADDING = frozenset({"WRITE", "STREAMING UPDATE", "COPY INTO", "CREATE TABLE", "CREATE TABLE AS SELECT"})
_NEUTRAL = frozenset(
    {"ADD CONSTRAINT", "DROP CONSTRAINT", "SET TBLPROPERTIES", "ADD FEATURE", "UPGRADE PROTOCOL"}
    | {"VACUUM START", "VACUUM END", "FSCK", "CHANGE COLUMN", "ADD COLUMNS", "UPDATE TABLE METADATA"}
)


def changed_rows(
    table: DeltaTable, first: int, keys: Sequence[str], name: str
) -> Callable[[Sequence[str]], Iterator[pa.RecordBatch]]:
    """Read the rows that commits since `first` inserted or updated; with keys, only what became of each last.

    A row that was deleted afterwards is not among them.
    """
    import numpy as np
    import pyarrow as pa

    last = _last_changes(table, first, keys, name) if keys else None

    def read(columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        wanted = list(dict.fromkeys([*columns, *keys]))
        for batch in _changes(table, first, wanted, name):
            rows = _arrived(batch)
            if last is not None:
                rows &= last[1][np.searchsorted(last[0], row_hashes(batch, keys))] == _order(batch)
            yield batch.select(list(columns)).filter(pa.array(rows))

    return read


def added_files(table: DeltaTable, first: int, name: str) -> Dataset | None:
    """The files that commits since `first` added; None where there are none.

    Raises:
        DataError: A commit of the range did something else than to add rows.
    """
    from deltalake import DeltaTable
    from pyarrow.dataset import FileSystemDataset

    for commit in table.history(table.version() - first + 1):
        _check_adds(commit, name)
    dataset = table.to_pyarrow_dataset()
    options = table._storage_options
    before = DeltaTable(table.table_uri, version=first - 1, storage_options=options) if first else None
    old = {file.path for file in before.to_pyarrow_dataset().get_fragments()} if before is not None else set()
    new = [file for file in dataset.get_fragments() if file.path not in old]
    return FileSystemDataset(new, dataset.schema, dataset.format, dataset.filesystem) if new else None


def _check_adds(commit: dict[str, Any], name: str) -> None:
    operation, mode = commit.get("operation", "?"), str(commit.get("operationParameters", {}).get("mode", ""))
    if operation in _NEUTRAL or (operation in _ADDING and mode.lower() != "overwrite"):
        return
    what = f"{operation} {mode}".strip()
    raise DataError(
        f"it is not known which rows version {commit.get('version')} changed: it is a {what}, and the table has no "
        "change data",
        where=name,
        next=f"ALTER TABLE {name} SET TBLPROPERTIES (delta.enableChangeDataFeed = true), and give later versions; or "
        "score the whole table",
    )


def _changes(table: DeltaTable, first: int, columns: Sequence[str], name: str) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa
    from deltalake.exceptions import DeltaError

    try:
        reader = table.load_cdf(first, table.version(), columns=[*columns, _KIND, _VERSION])
        yield from pa.RecordBatchReader.from_stream(reader)
    except (DeltaError, pa.ArrowException) as error:
        raise DataError(
            f"the change data of versions {first} to {table.version()} cannot be read: {error}",
            where=name,
            next="begin at a version since which the table has change data, or score the whole table",
        ) from error


def _last_changes(table: DeltaTable, first: int, keys: Sequence[str], name: str) -> tuple[np.ndarray, np.ndarray]:
    """The keys that were changed, by their hashes in order, and when each was changed last."""
    import numpy as np

    hashes, orders = [np.empty(0, np.uint64)], [np.empty(0, np.int64)]
    for batch in _changes(table, first, keys, name):
        hashes.append(row_hashes(batch, keys))
        orders.append(_order(batch))
    key, order = np.concatenate(hashes), np.concatenate(orders)
    by_key = np.lexsort((order, key))
    key, order = key[by_key], order[by_key]
    ends = np.append(key[1:] != key[:-1], True)[: len(key)]
    return key[ends], order[ends]


def _order(batch: pa.RecordBatch) -> np.ndarray:
    """A commit's deletions come before what it inserts under the same keys."""
    import numpy as np

    versions: np.ndarray = batch.column(_VERSION).to_numpy(zero_copy_only=False).astype(np.int64)
    versions *= 2
    versions += _arrived(batch)
    return versions


def _arrived(batch: pa.RecordBatch) -> np.ndarray:
    import pyarrow as pa
    import pyarrow.compute as pc

    kinds = batch.column(_KIND).cast(pa.string())
    rows: np.ndarray = pc.is_in(kinds, pa.array(_ARRIVED)).to_numpy(zero_copy_only=False).copy()
    return rows
