"""The columns of a view: those that it was made with, whatever columns its tables have by now.

Source: https://docs.databricks.com/aws/en/sql/language-manual/sql-ref-syntax-ddl-create-view (schema binding)
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from brickyard.workspace.compute.gateway.errors import SparkError
from brickyard.workspace.compute.gateway.names import TableName, quote
from brickyard.workspace.compute.gateway.settled import NAME, Settled
from brickyard.workspace.compute.gateway.widening import DIGITS, NUMBERS

__all__ = ["BINDING", "COMPENSATION", "MODE", "ViewColumns", "properties_of"]

#: What happens when types change: only casts that lose nothing, or all.
BINDING, COMPENSATION = "BINDING", "COMPENSATION"
#: Properties in which Spark keeps the mode, and the names that the query gave its columns.
MODE, OUTPUT = "view.schemaMode", "view.query.out."


def properties_of(mode: str, names: Sequence[str]) -> dict[str, str]:
    """The properties of a view whose query gives columns of these names."""
    outputs = {f"{OUTPUT}col.{at}": name for at, name in enumerate(names)}
    return {MODE: mode, f"{OUTPUT}numCols": str(len(names)), **outputs}


@dataclass(frozen=True)
class ViewColumns:
    """The columns of a view as they were when it was made.

    Args:
        names: Their names.
        types: Their types, as SQL; empty where another client made the view and said none.
        kinds: The same as JSON.
        outputs: The names that the query gave them.
        mode: What happens when types change.
    """

    names: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    mode: str = COMPENSATION

    @staticmethod
    def of(wire: Mapping[str, Any], properties: Mapping[str, str]) -> ViewColumns:
        """Those of a view, as the API describes it."""
        columns = wire.get("columns") or []
        names = tuple(str(one["name"]) for one in columns)
        outputs = tuple(properties.get(f"{OUTPUT}col.{at}", name) for at, name in enumerate(names))
        types, kinds = (tuple(str(one.get(key) or "") for one in columns) for key in ("type_text", "type_json"))
        return ViewColumns(names, types, kinds, outputs, properties.get(MODE, COMPENSATION))

    def fitted(self, view: TableName, query: str, found: Sequence[Any]) -> Settled | None:
        """The query of a view with the view's columns; None where it has them.

        Args:
            view: The view's name.
            query: Its query, as the engine has it.
            found: The columns of the query now (`StructField`).

        Raises:
            SparkError: INCOMPATIBLE_VIEW_SCHEMA_CHANGE, CANNOT_UP_CAST_DATATYPE.
        """
        places = list(self._places(view, [one.name.lower() for one in found]))
        types = [found[place].dataType.simpleString() for place in places]
        changed = [now != then and bool(then) for now, then in zip(types, self.types, strict=True)]
        if not any(changed) and [one.name for one in found] == list(self.names):
            return None
        labels = [f"_c{at}" for at in range(len(found))]
        items = []
        for at, (name, place) in enumerate(zip(self.names, places, strict=True)):
            if changed[at] and self.mode == BINDING and not _is_wider(found[place].dataType, _kind(self.kinds[at])):
                raise _no_up_cast(self.outputs[at], types[at], self.types[at])
            value = quote(labels[place])
            items.append(f"{f'CAST({value} AS {self.types[at]})' if changed[at] else value} AS {quote(name)}")
        inner = NAME.format("view")
        source = f"{inner} AS `_view`({', '.join(labels)})"
        return Settled(f"SELECT {', '.join(items)} FROM {source}", {inner: f"({query})"})

    def _places(self, view: TableName, now: Sequence[str]) -> Iterator[int]:
        """Where each column is among those of the query; a name that is there twice counts in its order."""
        then = [one.lower() for one in self.outputs]
        for at, name in enumerate(then):
            places = [place for place, one in enumerate(now) if one == name]
            if len(places) != then.count(name):
                raise _incompatible(view, self.outputs[at], then.count(name), len(places))
            yield places[then[:at].count(name)]


def _kind(text: str) -> Any:
    from pyspark.sql.types import StructField

    said = json.loads(text)
    whole = said if isinstance(said, dict) and "name" in said else {"name": "", "type": said, "nullable": True}
    return StructField.fromJson({"metadata": {}, **whole}).dataType


def _is_wider(now: Any, then: Any) -> bool:
    """Whether a cast loses nothing, whatever the value."""
    from pyspark.sql import types

    if isinstance(now, types.ArrayType) and isinstance(then, types.ArrayType):
        return _is_wider(now.elementType, then.elementType)
    if isinstance(now, types.MapType) and isinstance(then, types.MapType):
        return _is_wider(now.keyType, then.keyType) and _is_wider(now.valueType, then.valueType)
    if isinstance(now, types.StructType) and isinstance(then, types.StructType):
        pairs = zip(now.fields, then.fields, strict=False)
        return len(now) == len(then) and all(_is_wider(one.dataType, two.dataType) for one, two in pairs)
    if now == then or isinstance(now, types.NullType):
        return True
    if isinstance(now, types.DateType) and isinstance(then, types.TimestampType):
        return True
    if isinstance(then, types.StringType):
        return isinstance(now, types.AtomicType)
    return _is_wider_number(now, then)


def _is_wider_number(now: Any, then: Any) -> bool:
    from pyspark.sql import types

    have, want = now.simpleString(), then.simpleString()
    if isinstance(then, types.DecimalType):
        scale = now.scale if isinstance(now, types.DecimalType) else 0
        whole = now.precision - scale if isinstance(now, types.DecimalType) else DIGITS.get(have, 99)
        return bool(scale <= then.scale and whole <= then.precision - then.scale)
    return have in NUMBERS and want in NUMBERS and NUMBERS.index(have) <= NUMBERS.index(want)


def _no_up_cast(column: str, now: str, then: str) -> SparkError:
    text = (
        f'Cannot up cast {quote(column)} from "{now.upper()}" to "{then.upper()}", which the view has WITH SCHEMA '
        "BINDING. Create the view anew, or have it WITH SCHEMA COMPENSATION."
    )
    return SparkError("CANNOT_UP_CAST_DATATYPE", text, sql_state="42846")


def _incompatible(view: TableName, column: str, expected: int, found: int) -> SparkError:
    text = (
        f"The SQL query of view {view} has an incompatible schema change: column {quote(column)} cannot be resolved. "
        f"Expected {expected} columns of that name, got {found}. Create the view anew, with CREATE OR REPLACE VIEW."
    )
    return SparkError("INCOMPATIBLE_VIEW_SCHEMA_CHANGE", text, sql_state="51024")
