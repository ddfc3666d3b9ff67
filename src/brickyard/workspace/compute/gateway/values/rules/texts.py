"""Values as text, as Spark writes them: doubles as Java does, nulls inside arrays in small letters."""

from __future__ import annotations

import json
from collections.abc import Callable

from brickyard.workspace.compute.gateway.values.rules.types import FLOATS, fields, inside

__all__ = ["json_of", "quoted", "text_of", "written"]

VARIANT = "variant"
STAMP = "yyyy-MM-dd'T'HH:mm:ss.SSS"


def text_of(kind: str, value: str, depth: int = 0) -> str:
    """SQL for `CAST(value AS STRING)`; empty if the engine's own cast is right.

    Args:
        kind: The type of the value.
        value: SQL for it.
        depth: How many lambda functions are around it.
    """
    if kind in FLOATS:  # inside an array, the engine writes them as Java does
        return f"if(isnull({value}), NULL, btrim(CAST(array({value}) AS STRING), '[]'))"
    if kind == VARIANT:
        return f"coalesce(variant_get({value}, '$', 'string'), nullif(CAST({value} AS STRING), 'null'))"
    name = f"e{depth}_"
    if kind.startswith("array<"):
        each = _or_null(inside(kind), name, depth + 1)
        return f"concat('[', array_join(transform({value}, {name} -> {each}), ', '), ']')"
    if kind.startswith("map<"):
        (_, key), (_, item) = fields(kind)
        each = (
            f"concat({_or_null(key, f'{name}.key', depth + 1)}, ' -> ', {_or_null(item, f'{name}.value', depth + 1)})"
        )
        return f"concat('{{', array_join(transform(map_entries({value}), {name} -> {each}), ', '), '}}')"
    if kind.startswith("struct<"):
        parts = [_or_null(one, f"{value}.{_name(field)}", depth) for field, one in fields(kind)]
        return f"if(isnull({value}), NULL, concat('{{', concat_ws(', ', {', '.join(parts)}), '}}'))" if parts else ""
    return ""


def written(kind: str, value: str) -> str:
    """The same, and for times: where the engine makes a text of one by itself, it writes it otherwise."""
    return text_of(kind, value) or (f"CAST({value} AS STRING)" if kind.startswith("timestamp") else "")


def _or_null(kind: str, value: str, depth: int) -> str:
    return f"coalesce({text_of(kind, value, depth) or f'CAST({value} AS STRING)'}, 'null')"


def json_of(kind: str, value: str, depth: int = 0) -> str:
    """SQL for the JSON text of a value, null for null."""
    name = f"e{depth}_"
    if kind.startswith("array<"):
        each = f"coalesce({json_of(inside(kind), name, depth + 1)}, 'null')"
        return f"concat('[', array_join(transform({value}, {name} -> {each}), ','), ']')"
    if kind.startswith("map<"):
        (_, key), (_, item) = fields(kind)
        key_text = _json_text(
            f"coalesce({text_of(key, f'{name}.key', depth + 1) or f'CAST({name}.key AS STRING)'}, 'null')"
        )
        each = f"concat({key_text}, ':', coalesce({json_of(item, f'{name}.value', depth + 1)}, 'null'))"
        return f"concat('{{', array_join(transform(map_entries({value}), {name} -> {each}), ','), '}}')"
    if kind.startswith("struct<"):
        parts = [_json_field(field, one, value, depth) for field, one in fields(kind)]
        return f"if(isnull({value}), NULL, concat('{{', concat_ws(',', {', '.join(parts)}), '}}'))" if parts else ""
    special = JSON.get(kind) or (_number if kind.startswith("decimal") else None)
    return special(kind, value) if special else _json_text(value)


def _json_field(name: str, kind: str, value: str, depth: int) -> str:
    """A field, or null if it is null, which is then left out."""
    label = quoted(json.dumps(name, ensure_ascii=False) + ":")
    field = f"{value}.{_name(name)}"
    return f"if(isnull({field}), NULL, concat({label}, {json_of(kind, field, depth)}))"


def _json_text(value: str) -> str:
    """The JSON of a value that the engine writes as Spark does."""
    return f"if(isnull({value}), NULL, regexp_replace(to_json(array({value})), '^.|.$', ''))"


def _float(kind: str, value: str) -> str:
    text = text_of(kind, value)
    return f"if({text} IN ('NaN', 'Infinity', '-Infinity'), concat('\"', {text}, '\"'), {text})"


def _number(kind: str, value: str) -> str:
    return f"CAST({value} AS STRING)"


def _stamp(zone: str) -> Callable[[str, str], str]:
    def stamp(kind: str, value: str) -> str:
        return f"concat('\"', date_format({value}, {quoted(STAMP + zone)}), '\"')"

    return stamp


#: The types whose JSON the engine writes otherwise.
JSON: dict[str, Callable[[str, str], str]] = {"float": _float, "double": _float}
JSON |= {"timestamp": _stamp("XXX"), "timestamp_ntz": _stamp("")}


def quoted(text: str) -> str:
    """A string literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _name(field: str) -> str:
    return "`" + field.replace("`", "``") + "`"
