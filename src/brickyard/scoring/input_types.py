"""Whether the columns of a table are of the types that a model's signature asks for, by the rules of `pyfunc.predict`.

MLflow's scoring server casts JSON to the signature, and so does `ScoringModel.predict`. A table says of which types
its values are, so what pyfunc refuses is refused here, before a cast makes other values of it.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from brickyard.errors import DataError
from brickyard.scoring.arrow_types import plain

if TYPE_CHECKING:
    import pyarrow as pa

    from brickyard.scoring.model import ScoringModel

__all__ = ["check_types", "model_inputs"]

_SQL = {"boolean": "BOOLEAN", "integer": "INT", "long": "BIGINT", "float": "FLOAT", "double": "DOUBLE"}
_SQL |= {"string": "STRING", "binary": "BINARY", "datetime": "TIMESTAMP"}
# What needs no question to MLflow, which takes a second to import; BIGINT is double in pandas where it has nulls.
_FITS = {
    "boolean": ("bool",),
    "integer": ("int8", "int16", "int32"),
    "long": ("int8", "int16", "int32", "int64"),
    "float": ("float",),
    "double": ("int8", "int16", "int32", "int64", "float", "double"),
    "string": ("string",),
    "binary": ("binary", "large_binary"),
}


def check_types(schema: pa.Schema, model: ScoringModel, table: str) -> None:
    """Refuse columns of types that `pyfunc.predict` refuses for the model.

    Args:
        schema: Of the rows.
        model: What will score them.
        table: Where they come from.

    Raises:
        DataError: Names every such column.
    """
    types = {name: plain(schema.field(name).type) for name in schema.names}
    kinds = model.input_kinds(schema.names)
    wrong = [name for name, kind in kinds.items() if not _fits(types[name], kind)]
    if wrong:
        said = ", ".join(f"{name} is {types[name]}, and the model takes {kinds[name]}" for name in wrong)
        casts = ", ".join(f"CAST({name} AS {_SQL[kinds[name]]}) AS {name}" for name in wrong)
        raise DataError(
            f"columns are of other types than the model's inputs: {said}",
            where=table,
            next=f"convert them, if no value is lost: score a query with {casts}",
        )
    inputs = None if model.plan else model.input_schema
    if inputs is not None and inputs.is_tensor_spec() and not inputs.has_input_names():
        refusal = _refusal(inputs, types)
        if refusal:
            raise DataError(f"the columns are not of the type of the model's tensor: {refusal}", where=table)


def model_inputs(batch: pa.RecordBatch, model: ScoringModel) -> pa.RecordBatch:
    """The columns of a batch that are the model's inputs, times without time zone (in UTC) as pandas has them.

    Raises:
        DataError: A column for true or false has nulls: pyfunc hands them to a model, a cast makes false of them.
    """
    names = [name for name in model.input_names if name in batch.schema.names]
    batch = batch.select(names) if model.input_names else batch
    for name, kind in model.input_kinds(batch.schema.names).items():
        if kind == "boolean" and batch.column(name).null_count:
            raise DataError(
                f"the column {name} has nulls, and the model takes only true or false there",
                next=f"say which of both a null is: score a query with coalesce({name}, false) AS {name}",
            )
        if kind == "datetime":
            place = batch.schema.get_field_index(name)
            batch = batch.set_column(place, name, _naive(batch.column(name)))
    return batch


def _naive(column: Any) -> Any:
    """A column as it is, or times with a time zone as those in UTC without."""
    import pyarrow as pa

    zoned = pa.types.is_timestamp(column.type) and column.type.tz is not None
    return column.cast(pa.timestamp(column.type.unit)) if zoned else column


def _fits(given: pa.DataType, kind: str) -> bool:
    if str(given) in _FITS.get(kind, ()):
        return True
    if kind in ("boolean", "binary"):  # pyfunc hands any object to the model as it is; a cast would not
        return False
    from mlflow.types import ColSpec, Schema

    return _refusal(Schema([ColSpec(kind, "column")]), {"column": given}, with_nulls=kind == "double") is None


def _refusal(inputs: Any, types: Mapping[str, pa.DataType], *, with_nulls: bool = True) -> str | None:
    """Why pyfunc takes no columns of these types, whether or not they have nulls; None where it does, or may do so."""
    import pyarrow as pa
    from mlflow.exceptions import MlflowException
    from mlflow.models import validate_schema

    samples = {name: _sample(kind) for name, kind in types.items()}
    if None in samples.values():
        return None
    said = None
    for rows in (1, 2) if with_nulls else (1,):
        columns = [_naive(pa.array([samples[name], None][:rows], kind)) for name, kind in types.items()]
        try:
            validate_schema(pa.table(columns, names=list(types)).to_pandas(), inputs)
        except (MlflowException, TypeError, ValueError) as error:  # the last two are of pandas
            said = said or str(error)
        else:
            return None
    return said


def _sample(kind: pa.DataType) -> Any:
    """A value of a type that pyfunc treats as any other (not so zeros and ones); None for types not known here."""
    import pyarrow.types as types

    samples = (
        (types.is_boolean, True),
        (types.is_integer, 2),
        (types.is_floating, 1.5),
        (types.is_decimal, Decimal(2)),
        (types.is_string, "2024"),
        (types.is_binary, b"2024"),
        (types.is_date, datetime.date(2024, 1, 1)),
        (types.is_timestamp, datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)),
    )
    return next((value for of_kind, value in samples if of_kind(kind)), None)
