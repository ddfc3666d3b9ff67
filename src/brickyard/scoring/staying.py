"""The rows of an output that stay when others with the same keys come: they are read and written beside those.

So a merge needs memory for the keys that come (16 bytes a row), where the Delta library's own, a join, needs it for the
rows that are there. It replaces whole rows, and is told in the log as the overwriting of a range of keys.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from brickyard.scoring.arrow_types import plain_schema
from brickyard.scoring.hashes import RowSet
from brickyard.scoring.inputs import stream
from brickyard.scoring.tables import quoted

if TYPE_CHECKING:
    import pyarrow as pa
    from deltalake import DeltaTable

__all__ = ["Staying", "replaces_whole_rows", "staying_rows"]


@dataclass(frozen=True)
class Staying:
    """Rows to be written again.

    Attributes:
        predicate: The rows of the output among which they are, in SQL; all where there is none.
        rows: The rows.
    """

    predicate: str | None
    rows: Iterator[pa.RecordBatch]


def replaces_whole_rows(table: DeltaTable, schema: pa.Schema) -> bool:
    """Whether rows of a schema are all that the rows of a table are, and nobody reads its changes one by one."""
    import pyarrow as pa

    about = table.metadata()
    if about.partition_columns or about.configuration.get("delta.enableChangeDataFeed") == "true":
        return False
    return _types(pa.schema(table.schema().to_arrow())) == _types(schema)


def staying_rows(table: DeltaTable, keys: Sequence[str], arriving: Iterable[pa.RecordBatch], name: str) -> Staying:
    """Find the rows of a table whose keys do not arrive; only those in the range of whole numbers that arrive.

    Args:
        table: The table.
        keys: The columns that identify a row.
        arriving: Batches with these columns.
        name: The table's full name.
    """
    import pyarrow as pa
    import pyarrow.dataset as ds

    span = _Span(keys[0])
    known = RowSet(span.seen(arriving), keys)
    dataset = table.to_pyarrow_dataset()  # here: it cannot be made on the threads that write
    column, predicate = ds.field(keys[0]), span.predicate
    if predicate is not None:
        dataset = dataset.filter((column >= span.least) & (column <= span.most))
    batches = stream(dataset, name)(dataset.schema.names)
    return Staying(predicate, (batch.filter(pa.array(~known.contains(batch))) for batch in batches))


class _Span:
    """The least and the greatest value of a column of whole numbers."""

    def __init__(self, name: str) -> None:
        self.least: int | None = None
        self.most: int | None = None
        self._name = name

    def seen(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow.compute as pc
        import pyarrow.types as types

        for batch in batches:
            column = batch.column(self._name)
            if types.is_integer(column.type) and len(column) > column.null_count:
                ends = pc.min_max(column).as_py()
                self.least = ends["min"] if self.least is None else min(self.least, ends["min"])
                self.most = ends["max"] if self.most is None else max(self.most, ends["max"])
            yield batch

    @property
    def predicate(self) -> str | None:
        """The range in SQL, which cannot write the least number of 64 bits."""
        if self.least is None or self.least == -(2**63):
            return None
        return f"{quoted(self._name)} >= {self.least} AND {quoted(self._name)} <= {self.most}"


def _types(schema: pa.Schema) -> dict[str, pa.DataType]:
    plain = plain_schema(schema)
    return dict(zip(plain.names, plain.types, strict=True))
