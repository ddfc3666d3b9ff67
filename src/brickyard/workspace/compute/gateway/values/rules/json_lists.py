"""Arrays and maps in JSON of which a value has another type: `from_json` gives null for all of it, the engine for one.

The engine reads the same text again as texts, which all values are: where only the typed one is null, the type differs.
"""

from __future__ import annotations

import json
import re

from brickyard.workspace.compute.gateway.values.rules.texts import quoted
from brickyard.workspace.compute.gateway.values.rules.types import cut, fields

__all__ = ["strict"]

#: Types of single values that are no texts; others in arrays and maps are left to the engine.
SINGLE = r"(?:tinyint|smallint|int|integer|bigint|long|float|double|boolean|date|timestamp|decimal\(\d+,\d+\))"
ARRAY, MAP = re.compile(rf"array<{SINGLE}>"), re.compile(rf"map<string,{SINGLE}>")
FIELD = re.compile(r"\s*(?:`([\w ]+)`|(\w+))\s+([\w<>,():]+)\s*")
PLAIN = re.compile(r"[\w<>,:() ]*")
WORDS = re.compile(r"\s*([<>,:()])\s*")


def strict(schema: str) -> str:
    """SQL for `from_json($1, schema)`, with null where it must be; empty if the engine's own is right.

    Args:
        schema: A schema as DDL or JSON.
    """
    kind, text = _kind(schema), "from_json($1, {})"
    call = text.format(quoted(schema))
    if not kind.startswith("struct<"):
        return _checked(kind, call, text.format(quoted(_of_texts(kind)))) if _of_texts(kind) else ""
    parts = fields(kind)
    if not any(_of_texts(one) for _, one in parts):
        return ""
    texts = text.format(quoted(", ".join(f"`{name}` {_of_texts(one) or one}" for name, one in parts)))
    made = [f"{quoted(name)}, {_field(name, one)}" for name, one in parts]
    both = f"array(named_struct('j', {call}, 't', {texts}))"  # each is read once
    return f"get(transform({both}, b_ -> if(isnull(b_.j), NULL, named_struct({', '.join(made)}))), 0)"


def _field(name: str, kind: str) -> str:
    field = f"b_.j.`{name}`"
    return _checked(kind, field, f"b_.t.`{name}`") if _of_texts(kind) else field


def _checked(kind: str, value: str, texts: str) -> str:
    """A value, or null where it lacks something that is there as a text."""
    sides = (value, texts) if ARRAY.fullmatch(kind) else (f"map_values({value})", f"map_values({texts})")
    lacks = " > ".join(f"size(filter({side}, v_ -> isnull(v_)))" for side in sides)
    return f"(CASE WHEN {lacks} THEN NULL ELSE {value} END)"


def _of_texts(kind: str) -> str:
    """The type with texts in place of its values; empty if it is right as it is."""
    if ARRAY.fullmatch(kind):
        return "array<string>"
    return "map<string,string>" if MAP.fullmatch(kind) else ""


def _kind(schema: str) -> str:
    """The type as Spark writes it; empty if it has more than names and types."""
    if schema.lstrip().startswith("{"):
        return _of_json(schema)
    text = WORDS.sub(r"\1", schema.strip())
    if re.match(r"(?i)(array|map|struct)<", text):
        return re.sub(r"(?i)\b(array|map|struct)<", lambda found: found[0].lower(), text)
    parts = [FIELD.fullmatch(part) for part in cut(text, ",")]
    if not all(parts):
        return ""
    return f"struct<{','.join(f'{one[1] or one[2]}:{one[3].lower()}' for one in parts if one)}>"


def _of_json(schema: str) -> str:
    from pyspark.sql.types import StructType

    try:
        field = {"name": "x", "type": json.loads(schema), "nullable": True, "metadata": {}}
        kind = StructType.fromJson({"type": "struct", "fields": [field]}).fields[0].dataType.simpleString()
    except (ValueError, KeyError):  # the engine says what is wrong
        return ""
    return str(kind) if PLAIN.fullmatch(kind) else ""
