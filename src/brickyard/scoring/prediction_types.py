"""The one type of a column of predictions, which are made a batch at a time.

It is that of the first batch, made wider by what the output or the model's signature says of it: a model may begin with
whole numbers, or with nothing at all, and go on with fractions. Values are never changed to fit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from brickyard.errors import ModelError
from brickyard.scoring.arrow_types import holds, merged, parts, plain, widened

if TYPE_CHECKING:
    import pyarrow as pa
    from mlflow.types import Schema

__all__ = ["PredictionType"]

_NEXT = "log the model with an output signature of a type that holds all predictions"


class PredictionType:
    """Gives all batches of predictions the type that the first of them has, or that is known beforehand.

    Args:
        stored: The type of the column that they go to; none where it is not there yet.
        outputs: The outputs of the model's signature.
        where: What errors are about.
    """

    def __init__(self, stored: pa.DataType | None, outputs: Schema | None, where: str) -> None:
        self._stored = stored
        self._outputs = outputs
        self._where = where
        self._kind: pa.DataType | None = None

    def fitted(self, batch: pa.RecordBatch, before: int) -> pa.RecordBatch:
        """The batch with its predictions in this type.

        Args:
            batch: Scored rows.
            before: How many rows came before them.

        Raises:
            ModelError: A table has no such type, it is not known, or these predictions are of another one.
        """
        place = batch.schema.get_field_index("prediction")
        column, rows = batch.column(place), f"rows {before + 1} to {before + batch.num_rows}"
        if self._kind is None:
            column = self._first(column, rows)
            self._kind = column.type
        elif column.type != self._kind:
            column = self._later(column, rows, self._kind)
        return batch.set_column(place, "prediction", column)

    def _first(self, column: pa.Array, rows: str) -> pa.Array:
        own = plain(column.type)
        for part in parts(own):
            if reason := _fault(part):
                raise self._error(f"the predictions of {rows} are {reason}", "let the model return others")
        told = plain(self._stored) if self._stored is not None else _told(self._outputs, own)
        for kind in (widened(merged(own, told)), widened(own)):
            fits = _cast(column, kind) if kind != own else column
            if fits is not None and not _unknown(kind):
                return fits
        if _unknown(own):
            what = f"are null, all of them or in one part, so their type is not known ({own})"
            raise self._error(f"the predictions of {rows} {what}", _NEXT)
        what = f"are too large for a table, whose whole numbers end at {2**63 - 1} ({own})"
        raise self._error(f"the predictions of {rows} {what}", "let the model return them as double or as text")

    def _later(self, column: pa.Array, rows: str, kind: pa.DataType) -> pa.Array:
        fits = _cast(column, kind) if holds(plain(kind), plain(column.type)) else None
        if fits is None:
            what = f"the predictions of {rows} are {column.type}, which does not fit into those before, {kind}"
            raise self._error(what, f"{_NEXT}; where the output is of another type, choose another output table")
        return fits

    def _error(self, message: str, then: str) -> ModelError:
        return ModelError(message, where=self._where, next=then)


def _fault(kind: pa.DataType) -> str | None:
    """Why a table cannot hold a type, where it cannot."""
    import pyarrow.types as types

    if types.is_duration(kind):
        return f"durations ({kind}), for which a table has no type"
    if types.is_time(kind) or types.is_interval(kind) or types.is_decimal256(kind) or hasattr(kind, "storage_type"):
        return f"{kind}, for which a table has no type"
    if types.is_struct(kind):
        names = [kind.field(i).name for i in range(kind.num_fields)]
        if not names:
            return "structs without fields"
        same = [name for name in names if [other.lower() for other in names].count(name.lower()) > 1]
        if same:
            return f"structs with the fields {', '.join(same)}, which are one in a table (as a and A are)"
    return None


def _unknown(kind: pa.DataType) -> bool:
    import pyarrow.types as types

    return any(types.is_null(part) for part in parts(kind))


def _cast(column: pa.Array, kind: pa.DataType) -> pa.Array | None:
    """The same values as another type; None where that cannot be."""
    import pyarrow as pa

    try:
        return column.cast(kind)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None


def _told(outputs: Schema | None, own: pa.DataType) -> pa.DataType:
    """What a signature says of predictions of the type `own`; null in each part of which it says nothing."""
    import pyarrow as pa

    columns = [] if outputs is None else [(column.name, _declared(column)) for column in outputs.inputs]
    if len(columns) == 1 and pa.types.is_struct(own) <= pa.types.is_struct(columns[0][1]):
        return columns[0][1]
    named = [(name, kind) for name, kind in columns if name is not None]
    return pa.struct(named) if named else pa.null()


def _declared(kind: Any) -> pa.DataType:
    """The type that a signature gives a column, a tensor, or a part of one."""
    import pyarrow as pa
    from mlflow.types import ColSpec, DataType, TensorSpec
    from mlflow.types.schema import Array, Object

    if isinstance(kind, ColSpec):
        return _declared(kind.type)
    if isinstance(kind, Array):
        return pa.list_(_declared(kind.dtype))
    if isinstance(kind, Object):
        return pa.struct([(part.name, _declared(part.dtype)) for part in kind.properties])
    if not isinstance(kind, DataType | TensorSpec):
        return pa.null()
    dtype = kind.to_numpy() if isinstance(kind, DataType) else kind.type
    declared = widened(pa.from_numpy_dtype(dtype)) if dtype.kind in "biufUSM" else pa.null()
    for _ in kind.shape[1:] if isinstance(kind, TensorSpec) else ():
        declared = pa.list_(declared)
    return declared
