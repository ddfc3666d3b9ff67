"""Arrays, maps, percentiles."""

from __future__ import annotations

from brickyard.workspace.compute.gateway.errors import unsupported
from brickyard.workspace.compute.gateway.values.apart import NAME, template
from brickyard.workspace.compute.gateway.values.binding import LAMBDAS
from brickyard.workspace.compute.gateway.values.rules.model import (
    Call,
    Fix,
    Rule,
    mismatch,
    need_order,
    unexpected,
    untyped,
)
from brickyard.workspace.compute.gateway.values.rules.texts import quoted
from brickyard.workspace.compute.gateway.values.rules.types import FLOATS, family, fields, inside

__all__ = ["RULES"]

BASE64 = r"^(C{4})*(C{2}(\s*=){2}|C{3}\s*=|C{2,3})?\s*$".replace("C", r"(\s*[A-Za-z0-9+/])")
TRIED = "Use `try_to_binary` to tolerate malformed input and return NULL instead."


def _contains(call: Call) -> Fix | None:
    """Null where the array has a null and not the value."""
    if call.kind() == "void":
        raise mismatch("NULL_TYPE", "Cannot resolve array_contains: null typed values cannot be used. Cast the null.")
    element = inside(call.kind())
    need_order(call.name, [element])
    if element in {"", "void"} or (element == "string") != (call.kind(1) == "string"):
        return None
    return Fix("arrays_overlap($1, array($2))", "boolean")


def _ordered(call: Call) -> Fix | None:
    """The elements of an array are compared."""
    need_order(call.name, [call.kind()])
    return None


def _overlap(call: Call) -> Fix | None:
    """Nothing is in an empty array."""
    need_order(call.name, [call.kind()])
    return Fix("(CASE WHEN size($1) = 0 OR size($2) = 0 THEN false ELSE arrays_overlap($1, $2) END)", "boolean")


def _slice(call: Call) -> Fix | None:
    """What begins before the array is empty."""
    start = call.operands[1].number
    if len(call.operands) != 3 or (start is not None and start >= 0):
        return None
    return Fix("(CASE WHEN $2 < 0 AND size($1) < - $2 THEN slice($1, 1, 0) ELSE slice($1, $2, $3) END)")


def _explode(call: Call) -> Fix | None:
    """Sail panics where a map is exploded."""
    if not call.kind().startswith("map"):
        return None
    if call.name.startswith("pos"):
        rows = "transform(map_entries($1), (e_, i_) -> named_struct('pos', i_, 'key', e_.key, 'value', e_.value))"
        return Fix(f"{call.name.replace('posexplode', 'inline')}({rows})")
    return Fix(f"{call.name.replace('explode', 'inline')}(map_entries($1))")


def _raise(call: Call) -> Fix | None:
    """The error has a class, which the engine leaves out."""
    return Fix("raise_error(concat('[USER_RAISED_EXCEPTION] ', $1))") if len(call.operands) == 1 else None


def _assert(call: Call) -> Fix | None:
    """The error has a class here too."""
    message = "$2" if len(call.operands) == 2 else quoted(f"'{call.operands[0].text or 'the condition'}' is not true!")
    error = f"raise_error(concat('[USER_RAISED_EXCEPTION] ', {message}))"
    return Fix(f"(CASE WHEN $1 THEN NULL ELSE {error} END)") if len(call.operands) in {1, 2} else None


OUTSIDE = (
    "[INVALID_ARRAY_INDEX] The index is out of bounds of the array. Use the SQL function `get()` to tolerate accessing "
    "element at invalid index and return NULL instead. SQLSTATE: 22003"
)
PERCENTILE = (
    "try_element_at(array_sort(collect_list($1)), CAST(greatest(CAST(1 AS BIGINT), "
    "CAST(ceil(CAST($2 AS DOUBLE) * count($1)) AS BIGINT)) AS INT))"
)


def _percentiles(call: Call) -> Fix | None:
    """One for each share: `$1` is the column, the others are the shares."""
    each = [PERCENTILE.replace("$2", f"${number}") for number in range(2, len(call.operands) + 1)]
    return Fix(f"array({', '.join(each)})", grouped=True)


def _hash(call: Call) -> Fix | None:
    """Nulls without a type count as all nulls do."""
    if any("decimal" in operand.kind for operand in call.operands):
        raise unsupported(f"{call.name} of a DECIMAL", "Cast it to STRING, or use sha2() or md5().")
    nulls = [number for number, operand in enumerate(call.operands, 1) if operand.kind == "void"]
    return Fix(inner=dict.fromkeys(nulls, "CAST($0 AS INT)")) if nulls else None


def _encrypt(call: Call) -> Fix | None:
    if len(call.operands) > 2 and call.operands[2].word == "ECB":
        raise unsupported(f"{call.name} with the mode ECB", "Use GCM, or the package cryptography in Python.")
    return None


def _field(call: Call) -> Fix | None:
    """A field of an array of structs is an array of the fields."""
    if not call.kind().startswith("array<struct"):
        return None
    name = (call.operands[1].value or "").replace("`", "``")
    return Fix(f"transform($1, f_ -> f_.`{name}`)")


def _item(call: Call) -> Fix | None:
    """An element of an array whose number is no literal."""
    kind = call.kind()
    if not kind.startswith("array<"):
        return None
    outside = f"CAST(raise_error({quoted(OUTSIDE)}) AS {kind[6:-1]})"
    return Fix(
        f"(CASE WHEN isnotnull($1) AND ($2 < 0 OR $2 >= size($1)) THEN {outside} ELSE get($1, CAST($2 AS INT)) END)",
        kind[6:-1],
    )


def _down(call: Call) -> Fix | None:
    """`floor` and `ceil` to some digits are of decimals."""
    if len(call.operands) == 2 and call.kind() in FLOATS:
        return Fix(f"{call.name}(CAST($1 AS DECIMAL(30,15)), $2)")
    return None


def _positive(call: Call) -> Fix | None:
    """A number, or what can be one."""
    kind = call.kind()
    if kind == "string":
        return Fix("CAST($1 AS DOUBLE)", "double")
    if family(kind) not in {"", "numbers"} or "<" in kind:
        raise unexpected(call.name, 1, '"NUMERIC" or "INTERVAL"', kind)
    return Fix(kind=kind)


def _to_binary(call: Call) -> Fix | None:
    """What is not written in the format is an error, or null."""
    form = (call.operands[1].value or "").lower() if len(call.operands) > 1 else "hex"
    if not form and call.kind(1) != "void":
        raise unsupported(f"{call.name} with a format that is no literal", "Write 'hex', 'base64' or 'utf-8'.")
    if form not in {"hex", "base64"}:
        return None
    made = "unhex($1)" if form == "hex" else f"(CASE WHEN $1 RLIKE {quoted(BASE64)} THEN unbase64($1) ELSE NULL END)"
    if call.name == "try_to_binary":
        return Fix(made, "binary")
    start = quoted("[CONVERSION_INVALID_INPUT] The value '")
    rest = quoted(f"' ('{form.upper()}') cannot be converted to BINARY because it is malformed. {TRIED}")
    error = f"CAST(raise_error(concat({start}, $1, {rest})) AS BINARY)"
    return Fix(f"(CASE WHEN isnull($1) THEN NULL ELSE coalesce({made}, {error}) END)", "binary")


def _has_key(call: Call) -> Fix | None:
    """A text is no key of a map of numbers, and the other way round."""
    parts = fields(call.kind()) if call.kind().startswith("map<") else []
    if parts and call.kind(1) not in {"", "void"} and (parts[0][1] == "string") != (call.kind(1) == "string"):
        text = f"Cannot resolve `{call.name}`: it takes a key of the type of the MAP, not {call.kind(1).upper()}."
        raise mismatch("MAP_FUNCTION_DIFF_TYPES", text)
    return None


def _nth(call: Call) -> Fix | None:
    """Rows are counted from 1."""
    number = call.operands[1].number
    if number is not None and number < 1:
        text = f"Cannot resolve `nth_value`: the offset must be between (0, {2**63 - 1}] (current value = {number}L)."
        raise mismatch("VALUE_OUT_OF_RANGE", text)
    return None


def _is_single(call: Call) -> bool:
    return len(call.operands) == 1


def _apart(call: Call) -> Fix | None:
    """Casts under another name, the number of which is the first operand."""
    made = template(call.operands[0].number or 0)
    return Fix(inner=dict.fromkeys(range(2, len(call.operands) + 1), made))


RULES = {
    "nth_value": Rule(_nth),
    "positive": Rule(_positive, (0,)),
    "map_contains_key": Rule(_has_key, (0, 1)),
    **dict.fromkeys(("to_binary", "try_to_binary"), Rule(_to_binary)),
    NAME: Rule(_apart),
    "arrays_overlap": Rule(_overlap, (0,)),
    **dict.fromkeys(("array_distinct", "array_union", "array_intersect", "array_except"), Rule(_ordered, (0,))),
    **dict.fromkeys(("sort_array", "array_max", "array_min", "array_position", "array_remove"), Rule(_ordered, (0,))),
    "slice": Rule(_slice),
    **dict.fromkeys(LAMBDAS, Rule(lambda _: Fix(still=True))),
    "isnan": untyped("coalesce(isnan($1), false)", "boolean"),
    **dict.fromkeys(("hash", "xxhash64"), Rule(_hash, None)),
    **dict.fromkeys(("aes_encrypt", "aes_decrypt"), Rule(_encrypt)),
    **dict.fromkeys(("floor", "ceil", "ceiling"), Rule(_down, (0,), _is_single)),
    "field": Rule(_field, (0,)),
    "item": Rule(_item, (0,)),
    "uuid": Rule(lambda call: Fix("uuid()", "string") if call.operands else None),
    "shuffle": Rule(lambda call: Fix("shuffle($1)") if len(call.operands) > 1 else None),
    "percentiles": Rule(_percentiles),
    "raise_error": Rule(_raise),
    "assert_true": Rule(_assert),
    "array_contains": Rule(_contains, (0, 1)),
    "explode": Rule(_explode, (0,)),
    **dict.fromkeys(("explode_outer", "posexplode", "posexplode_outer"), Rule(_explode, (0,))),
    **dict.fromkeys(("percentile_approx", "approx_percentile"), Rule(lambda _: Fix(PERCENTILE, grouped=True))),
}
