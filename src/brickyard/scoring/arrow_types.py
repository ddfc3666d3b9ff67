"""Arrow types as tables store them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["plain", "plain_schema", "stores"]


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
