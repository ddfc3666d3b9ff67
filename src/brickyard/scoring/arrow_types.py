"""Arrow types as tables store them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["holds", "merged", "parts", "plain", "plain_schema", "stores", "widened"]

_WIDER = {"uint8": "int16", "uint16": "int32", "uint32": "int64", "uint64": "int64", "halffloat": "float"}


def plain(kind: pa.DataType) -> pa.DataType:
    """A type as Delta stores it: no dictionaries, one type of text, one of lists."""
    import pyarrow as pa
    import pyarrow.types as types

    if types.is_dictionary(kind):
        return plain(kind.value_type)
    if types.is_large_string(kind) or types.is_string_view(kind):
        return pa.string()
    if types.is_list(kind) or types.is_large_list(kind) or types.is_list_view(kind):
        return pa.list_(plain(kind.value_type))
    if types.is_struct(kind):
        return pa.struct([(kind.field(i).name, plain(kind.field(i).type)) for i in range(kind.num_fields)])
    return kind


def plain_schema(schema: pa.Schema) -> pa.Schema:
    """A schema of plain types."""
    import pyarrow as pa

    return pa.schema([(field.name, plain(field.type)) for field in schema])


def stores(stored: pa.DataType, given: pa.DataType) -> bool:
    """Whether a column of the type `stored` takes values of the type `given` without changing them; both are plain."""
    import pyarrow.types as types

    numbers = (types.is_integer, types.is_floating)
    wider = any(kind(given) and kind(stored) and given.bit_width <= stored.bit_width for kind in numbers)
    return bool(given.equals(stored) or wider)


def parts(kind: pa.DataType) -> Iterator[pa.DataType]:
    """A plain type, and those that it is made of."""
    import pyarrow.types as types

    yield kind
    if types.is_list(kind):
        yield from parts(kind.value_type)
    if types.is_struct(kind):
        for i in range(kind.num_fields):
            yield from parts(kind.field(i).type)


def widened(kind: pa.DataType) -> pa.DataType:
    """The narrowest type of a table, which knows neither unsigned nor 16-bit floating numbers, for a plain type."""
    import pyarrow as pa

    if pa.types.is_list(kind):
        return pa.list_(widened(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([(kind.field(i).name, widened(kind.field(i).type)) for i in range(kind.num_fields)])
    return pa.type_for_alias(_WIDER[str(kind)]) if str(kind) in _WIDER else kind


def merged(own: pa.DataType, told: pa.DataType) -> pa.DataType:
    """A plain type, in each part made as wide as another says, and known where it was not."""
    import pyarrow as pa
    import pyarrow.types as types

    if types.is_null(own) or types.is_null(told):
        return told if types.is_null(own) else own
    if types.is_list(own) and types.is_list(told):
        return pa.list_(merged(own.value_type, told.value_type))
    if types.is_struct(own) and types.is_struct(told):
        fields = [own.field(i) for i in range(own.num_fields)]
        known = {told.field(i).name: told.field(i).type for i in range(told.num_fields)}
        return pa.struct([(field.name, merged(field.type, known.get(field.name, pa.null()))) for field in fields])
    if types.is_integer(own) and types.is_floating(told):
        return told
    alike = any(kind(own) and kind(told) for kind in (types.is_integer, types.is_floating))
    return told if alike and own.bit_width <= told.bit_width else own


def holds(kind: pa.DataType, given: pa.DataType) -> bool:
    """Whether a checked cast to `kind` leaves values of the type `given` what they are, or fails; both are plain."""
    import pyarrow.types as types

    if given.equals(kind) or types.is_null(given):
        return True
    if types.is_list(given) and types.is_list(kind):
        return holds(kind.value_type, given.value_type)
    if types.is_struct(given) and types.is_struct(kind):
        known = {kind.field(i).name: kind.field(i).type for i in range(kind.num_fields)}
        fields = [given.field(i) for i in range(given.num_fields)]
        return all(field.name in known and holds(known[field.name], field.type) for field in fields)
    if types.is_timestamp(given) and types.is_timestamp(kind):
        return bool((given.tz is None) == (kind.tz is None))
    if types.is_floating(given) and types.is_floating(kind):
        return bool(given.bit_width <= kind.bit_width)
    numbers = types.is_integer(given) or types.is_floating(given)
    return bool(numbers and (types.is_integer(kind) or types.is_floating(kind))) or (
        types.is_decimal128(given) and types.is_decimal128(kind)
    )
