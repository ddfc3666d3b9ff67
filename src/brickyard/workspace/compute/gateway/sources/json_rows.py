"""From JSON to rows of a schema; what does not fit is null, and said.

Source: `JacksonParser` of Apache Spark 4, https://github.com/apache/spark .
"""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from pyspark.sql.types import ArrayType, MapType, StructType

from brickyard.workspace.compute.gateway.sources.json_records import Number, Pairs, parse, parse_exactly
from brickyard.workspace.compute.gateway.sources.texts import BITS, DECIMAL, Texts, to_decimal

__all__ = ["JsonRows", "Row"]

#: Texts that stand for floating-point numbers.
INFINITE = {"NaN": "nan", "Infinity": "inf", "-Infinity": "-inf", "+INF": "inf", "INF": "inf", "-INF": "-inf"}
MICROS = 1_000_000
Convert = Callable[[Any], Any]


class Unfit(ValueError):
    """A value that is not of its column's type.

    Attributes:
        partial: What is left of it.
    """

    def __init__(self, partial: Any = None) -> None:
        super().__init__("a value is not of its column's type")
        self.partial = partial


class _TextUnknown(Exception):
    """The text of an object is asked for, and was not kept."""


class Row:
    """One row.

    Attributes:
        values: Its values, by the names of the columns.
        wrong: Values that did not fit, by the names of their keys; None if the record is no object at all.
    """

    def __init__(self, values: dict[str, Any], wrong: dict[str, Any] | None) -> None:
        self.values = values
        self.wrong = wrong


class JsonRows:
    """Converts records.

    Args:
        schema: The columns.
        texts: Converters of texts.
        rescues: Whether keys without a column are wrong.
    """

    def __init__(self, schema: StructType, texts: Texts, *, rescues: bool = False) -> None:
        self._texts = texts
        self._rescues = rescues
        self._columns = {field.name: self._of(field.dataType) for field in schema.fields}

    def rows(self, text: str) -> Iterator[Row]:
        """The rows of one record: of an array, one for each of its objects."""
        try:
            yield from [self._row(item) for item in _objects(parse(text))]
        except _TextUnknown:
            yield from [self._row(item) for item in _objects(parse_exactly(text))]
        except (ValueError, RecursionError):
            yield Row({}, None)

    def _row(self, item: Any) -> Row:
        if not isinstance(item, Pairs):
            raise ValueError("no object")
        wrong: dict[str, Any] = {}
        found = Row({}, wrong)
        for key, value in item:
            convert = self._columns.get(key)
            if convert is None:
                wrong.update({key: value} if self._rescues else {})
                continue
            try:
                found.values[key] = None if value is None else convert(value)
            except Unfit as unfit:
                found.values[key] = unfit.partial
                wrong[key] = value
        return found

    def _of(self, kind: Any) -> Convert:
        if isinstance(kind, StructType):
            return self._struct(kind)
        if isinstance(kind, ArrayType):
            return self._array(self._of(kind.elementType))
        if isinstance(kind, MapType):
            return self._map(self._of(kind.valueType))
        return self._plain(kind)

    def _struct(self, kind: StructType) -> Convert:
        fields = {field.name: self._of(field.dataType) for field in kind.fields}

        def convert(value: Any) -> Any:
            if not isinstance(value, Pairs):
                raise Unfit
            found: dict[str, Any] = dict.fromkeys(fields)
            fits = True
            for key, inner in value:
                if key in fields and inner is not None:
                    try:
                        found[key] = fields[key](inner)
                    except Unfit as unfit:
                        found[key], fits = unfit.partial, False
            if not fits:
                raise Unfit(found)
            return found

        return convert

    def _array(self, element: Convert) -> Convert:
        def convert(value: Any) -> Any:
            if not isinstance(value, list) or isinstance(value, Pairs):
                raise Unfit
            return [None if item is None else _whole(element, item) for item in value]

        return convert

    def _map(self, inner: Convert) -> Convert:
        def convert(value: Any) -> Any:
            if not isinstance(value, Pairs):
                raise Unfit
            return list({key: None if item is None else _whole(inner, item) for key, item in value}.items())

        return convert

    def _plain(self, kind: Any) -> Convert:
        name = kind.typeName()
        if name == "string":
            return _text
        if name == "boolean":
            return _boolean
        if name == "binary":
            return lambda value: base64.b64decode(_string(value))
        if name in BITS:
            return _integer(BITS[name])
        if name in {"double", "float"}:
            return _double
        if name.startswith("decimal"):
            return lambda value: _decimal(value, kind.precision, kind.scale)
        convert = self._texts.of(kind)
        return lambda value: _moment(value, convert, numbers=name == "timestamp")


def _objects(value: Any) -> list[Any]:
    return [value] if isinstance(value, Pairs) or not isinstance(value, list) else list(value)


def _whole(convert: Convert, value: Any) -> Any:
    """An element: of an array or map with one that does not fit, nothing is left."""
    try:
        return convert(value)
    except Unfit:
        raise Unfit from None


def _string(value: Any) -> str:
    if not isinstance(value, str) or isinstance(value, Number):
        raise Unfit
    return value


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        raw: str | None = getattr(value, "raw", None)
        if raw is None:
            raise _TextUnknown
        return raw
    return str(value)


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Unfit
    return value


def _integer(bits: int) -> Convert:
    limit = 2 ** (bits - 1)

    def convert(value: Any) -> int:
        if not isinstance(value, Number) or not value.lstrip("-").isdigit() or not -limit <= int(value) < limit:
            raise Unfit
        return int(value)

    return convert


def _double(value: Any) -> float:
    if isinstance(value, str) and value in INFINITE:
        return float(INFINITE[value])
    if not isinstance(value, Number):
        raise Unfit
    return float(value)


def _decimal(value: Any, precision: int, scale: int) -> Decimal:
    if not isinstance(value, str) or DECIMAL.fullmatch(value) is None:
        raise Unfit
    with contextlib.suppress(ValueError):
        return to_decimal(value, precision, scale)
    raise Unfit


def _moment(value: Any, convert: Convert, *, numbers: bool) -> Any:
    if numbers and isinstance(value, Number) and value.lstrip("-").isdigit():
        return int(value) * MICROS
    try:
        return convert(_string(value))
    except ValueError:
        raise Unfit from None
