"""Columns of decoded JSON as arrays of the types that a signature asks for, in the plain good case only.

Whatever is not plain (a fraction in an integer column, text in a number's) gives None, and the caller leaves the
body to MLflow, whose casts and error texts are the reference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from mlflow.pyfunc import PyFuncModel

__all__ = ["array_of_json", "column_kinds", "columns_of_body"]

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
    return array


def columns_of_body(body: Any) -> Mapping[str, Sequence[Any]] | None:
    """Columns of a decoded body that is one plain `dataframe_split` or `dataframe_records`; None for any other."""
    if not isinstance(body, dict) or len(body) != 1:
        return None
    if "dataframe_split" in body:
        return _split_columns(body["dataframe_split"])
    if "dataframe_records" in body:
        return _record_columns(body["dataframe_records"])
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
