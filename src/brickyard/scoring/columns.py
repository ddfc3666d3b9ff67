"""Columns as arrays of the types that a signature asks for, in the plain good case only.

Whatever is not plain (a fraction in an integer column, text in a number's) gives None, and the caller leaves the
data to MLflow, whose casts and error texts are the reference.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from mlflow.pyfunc import PyFuncModel

__all__ = ["Texts", "array_of_json", "arrays_of", "arrays_of_json", "column_kinds", "columns_of_body", "row_of_body"]


class Texts:
    """A column of text as its different values and, for each row, which of them it has; None is a value too.

    Args:
        values: The different values.
        indices: The position of each row's.
    """

    def __init__(self, values: np.ndarray, indices: np.ndarray) -> None:
        self.values = values
        self.indices = indices
        self.dtype = values.dtype

    def __len__(self) -> int:
        return len(self.indices)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Return one object a row."""
        rows: np.ndarray = self.values[self.indices]
        return rows


_EXACT = 2**53
_DTYPES = {
    "boolean": "bool",
    "integer": "int32",
    "long": "int64",
    "float": "float32",
    "double": "float64",
    "string": "object",
}
_PLAIN = {
    "boolean": frozenset({bool}),
    "integer": frozenset({int}),
    "long": frozenset({int}),
    "float": frozenset({int, float, type(None)}),
    "double": frozenset({int, float, type(None)}),
    "string": frozenset({str, type(None)}),
}


def column_kinds(pyfunc: PyFuncModel) -> dict[str, str] | None:
    """MLflow type by column for a signature of named scalar columns without parameters; None for any other."""
    metadata = pyfunc.metadata
    schema = metadata.get_input_schema()
    if schema is None or schema.is_tensor_spec() or not schema.has_input_names() or metadata.get_params_schema():
        return None
    kinds = {column.name: getattr(column.type, "name", "other") for column in schema.inputs}
    return kinds if kinds and _DTYPES.keys() >= set(kinds.values()) else None


def array_of_json(values: Sequence[Any], kind: str) -> np.ndarray | None:
    """Return a column as the array that MLflow's cast would give; None where it is not plain."""
    import numpy as np

    if not _PLAIN[kind].issuperset(map(type, values)):
        return None
    try:
        array: np.ndarray = np.array(values, dtype=_DTYPES[kind])
    except OverflowError:
        return None
    if kind == "float" and any(type(value) is int and abs(value) > _EXACT for value in values):
        return None  # pandas rounds an integer to float32 once, Python to a double first
    return array


def arrays_of_json(columns: Mapping[str, Sequence[Any]], kinds: Mapping[str, str]) -> dict[str, np.ndarray] | None:
    """Return columns of decoded JSON as arrays; None where they are not plain, or others than the signature's."""
    if columns.keys() != kinds.keys():
        return None
    return _whole({name: array_of_json(columns[name], kind) for name, kind in kinds.items()})


def arrays_of(data: Any, kinds: Mapping[str, str]) -> dict[str, np.ndarray] | None:
    """Return the columns of an Arrow batch or table, or of a frame, as arrays; None where that is not plain.

    Columns that the signature does not have are passed over.
    """
    readers = _readers(data)
    if readers is None or any(name not in readers for name in kinds):
        return None
    return _whole({name: _cast(readers[name](), kind) for name, kind in kinds.items()})


def _whole(arrays: Mapping[str, np.ndarray | None]) -> dict[str, np.ndarray] | None:
    known = {name: array for name, array in arrays.items() if array is not None}
    rows = {len(array) for array in known.values()}
    return known if len(known) == len(arrays) and len(rows) == 1 and rows != {0} else None


def _readers(data: Any) -> Mapping[str, Callable[[], np.ndarray]] | None:
    """Columns by name, each made into an array only when asked for; None where names are not unique."""
    if hasattr(data, "schema"):
        names = list(data.schema.names)
        found = {name: _arrow_reader(data, name) for name in names}
    elif hasattr(data, "iloc"):
        names = list(data.columns)
        found = {name: data[name].to_numpy for name in names}
    else:
        return None
    return found if len(found) == len(names) else None


def _arrow_reader(data: Any, name: str) -> Callable[[], np.ndarray]:
    import pyarrow as pa

    def read() -> Any:
        column = data.column(name)
        of = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
        if of in (pa.string(), pa.large_string()):
            return _texts(column)
        column = column if of == column.type else column.cast(of)
        array: np.ndarray = column.to_numpy() if hasattr(column, "chunks") else column.to_numpy(zero_copy_only=False)
        return array

    return read


def _texts(column: Any) -> Texts:
    import numpy as np

    if hasattr(column, "indices"):
        encoded = column
    elif hasattr(column.type, "value_type"):
        # `ChunkedArray.to_numpy` takes the last value of a dictionary for null.
        encoded = column.unify_dictionaries().combine_chunks()
    else:
        encoded = column.dictionary_encode()
        encoded = encoded.combine_chunks() if hasattr(encoded, "chunks") else encoded
    values = np.array([*encoded.dictionary.to_pylist(), None], dtype=object)
    indices = encoded.indices.fill_null(len(values) - 1) if encoded.null_count else encoded.indices
    return Texts(values if encoded.null_count else values[:-1], indices.to_numpy(zero_copy_only=False))


def _cast(values: Any, kind: str) -> Any:
    import numpy as np

    given = values.dtype.kind
    if kind == "boolean":
        return values if given == "b" else None
    if kind == "string":
        if isinstance(values, Texts):
            return values
        return values if given == "O" and _PLAIN["string"].issuperset(map(type, values)) else None
    if kind in {"float", "double"}:
        return values.astype(_DTYPES[kind]) if given in "fiub" else None
    limits = np.iinfo(np.int32 if kind == "integer" else np.int64)
    if given not in "iu" or not len(values) or values.min() < limits.min or values.max() > limits.max:
        return None
    return values.astype(_DTYPES[kind], copy=False)


def columns_of_body(body: Any) -> Mapping[str, Sequence[Any]] | None:
    """Columns of a decoded body that is one plain `dataframe_split` or `dataframe_records`; None for any other."""
    if not isinstance(body, dict) or len(body) != 1:
        return None
    if "dataframe_split" in body:
        return _split_columns(body["dataframe_split"])
    if "dataframe_records" in body:
        return _record_columns(body["dataframe_records"])
    return None


def row_of_body(body: Any) -> tuple[list[Any], list[Any]] | None:
    """Names and values of a decoded body that has one row and a plain form; None for any other.

    The names are as they were sent: they may be anything, and come more than once.
    """
    if type(body) is not dict or len(body) != 1:
        return None
    split = body.get("dataframe_split")
    if type(split) is dict and len(split) == 2:
        names, rows = split.get("columns"), split.get("data")
        if type(names) is list and type(rows) is list and len(rows) == 1 and type(rows[0]) is list:
            return names, rows[0]
        return None
    records = body.get("dataframe_records")
    if type(records) is list and len(records) == 1 and type(records[0]) is dict:
        return list(records[0]), list(records[0].values())
    return None


def _split_columns(split: Any) -> Mapping[str, Sequence[Any]] | None:
    if not isinstance(split, dict) or split.keys() != {"columns", "data"}:
        return None
    names, rows = split["columns"], split["data"]
    if not _is_list_of(names, str) or not _is_list_of(rows, list) or len(set(names)) != len(names):
        return None
    if any(len(row) != len(names) for row in rows):
        return None
    return dict(zip(names, zip(*rows, strict=True), strict=True))


def _record_columns(records: Any) -> Mapping[str, Sequence[Any]] | None:
    if not _is_list_of(records, dict):
        return None
    names = records[0].keys()
    if any(record.keys() != names for record in records):
        return None
    return {name: [record[name] for record in records] for name in names}


def _is_list_of(values: Any, kind: type) -> bool:
    """Whether it is a list with at least one item, all of this type."""
    return isinstance(values, list) and bool(values) and {kind}.issuperset(map(type, values))
