"""The rows of a SQL query as an input: executed by a SQL warehouse, kept in a file while they are scored.

The same query may give other rows tomorrow. So its rows are hashed, whatever their order, and it is by that hash
that a repetition is recognised.
"""

from __future__ import annotations

import atexit
import hashlib
import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from brickyard.errors import DataError
from brickyard.scoring.hashes import row_hashes
from brickyard.scoring.inputs import BATCH_ROWS, InputRows
from brickyard.scoring.tables import quoted

if TYPE_CHECKING:
    import pyarrow as pa

    from brickyard.scoring.warehouses import Warehouse

__all__ = ["create_table", "query_rows"]

_READING = re.compile(
    r"(?:\s|--[^\n]*(?:\n|$)|/\*.*?\*/|\()*(SELECT|WITH|VALUES|TABLE|FROM)\b", re.DOTALL | re.IGNORECASE
)
_MASK = (1 << 64) - 1
# What Delta calls differently from SQL.
_SQL_TYPES = {"long": "BIGINT", "integer": "INT", "short": "SMALLINT", "byte": "TINYINT"}


def query_rows(warehouse: Warehouse, query: str) -> InputRows:
    """Execute a query and keep its rows in a temporary file until this process ends.

    Raises:
        DataError: It is not a query that reads, or it failed.
    """
    text = query.strip().rstrip(";").strip()
    if not _READING.match(text):
        raise DataError(
            "the query does not read rows", where=text[:80], next="write a query: SELECT, WITH, VALUES, TABLE or FROM"
        )
    # As a subquery it can do nothing but read, whatever its words are.
    statement = warehouse.execute(f"SELECT * FROM (\n{text}\n) AS rows_to_score")
    schema = statement.schema
    repeated = sorted({name for name in schema.names if schema.names.count(name) > 1})
    if repeated:
        raise DataError(f"the query has several columns {', '.join(repeated)}", next="give them names with AS")
    file = _file()
    rows, content = _spool(statement.batches(), schema, file)
    identity = {
        "input": "query",
        "query": hashlib.sha256(text.encode()).hexdigest(),
        "input_content": content,
        "input_rows": str(rows),
    }
    return InputRows(f"the query ({rows:,} rows)", identity, schema, rows, None, _reader(file))


def create_table(warehouse: Warehouse, name: str, schema: pa.Schema) -> None:
    """Let the workspace make an empty managed table for rows of this schema.

    Raises:
        DataError: It could not.
    """
    from deltalake import Schema

    fields = Schema.from_arrow(schema).fields
    columns = ", ".join(f"{quoted(field.name)} {_sql_type(field.type)}" for field in fields)
    full = ".".join(quoted(part) for part in name.split("."))
    warehouse.execute(f"CREATE TABLE IF NOT EXISTS {full} ({columns}) USING DELTA")


def _sql_type(kind: object) -> str:
    from deltalake.schema import ArrayType, PrimitiveType, StructType

    if isinstance(kind, PrimitiveType):
        return _SQL_TYPES.get(kind.type, kind.type.upper())
    if isinstance(kind, ArrayType):
        return f"ARRAY<{_sql_type(kind.element_type)}>"
    if isinstance(kind, StructType):
        return f"STRUCT<{', '.join(f'{quoted(part.name)}: {_sql_type(part.type)}' for part in kind.fields)}>"
    raise DataError(f"a column is {kind}, which has no type in SQL here")


def _file() -> Path:
    with tempfile.NamedTemporaryFile(prefix="brickyard-query-", suffix=".arrow", delete=False) as file:
        path = Path(file.name)
    atexit.register(path.unlink, missing_ok=True)
    return path


def _spool(batches: Iterator[pa.RecordBatch], schema: pa.Schema, file: Path) -> tuple[int, str]:
    """Write rows to a file; how many, and a hash of them that does not depend on their order."""
    import pyarrow as pa

    rows, sums = 0, [0, 0]
    with pa.OSFile(str(file), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
        for batch in batches:
            batch = batch.cast(schema)
            writer.write_batch(batch)
            rows += batch.num_rows
            sums = [total + int(row_hashes(batch, schema.names, salt).sum()) & _MASK for salt, total in enumerate(sums)]
    described = repr([(field.name, str(field.type)) for field in schema])
    return rows, hashlib.sha256(f"{described} {rows} {sums}".encode()).hexdigest()


def _reader(file: Path) -> Callable[[Sequence[str]], Iterator[pa.RecordBatch]]:
    def read(columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        with pa.memory_map(str(file)) as source, pa.ipc.open_file(source) as reader:
            for number in range(reader.num_record_batches):
                batch = reader.get_batch(number).select(list(columns))
                for start in range(0, batch.num_rows, BATCH_ROWS):
                    yield batch.slice(start, BATCH_ROWS)

    return read
