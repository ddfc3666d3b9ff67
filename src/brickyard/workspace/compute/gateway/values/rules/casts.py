"""Casts: to text as Spark writes it, of doubles to decimals by their written digits, and which there are."""

from __future__ import annotations

from brickyard.workspace.compute.gateway.errors import unsupported
from brickyard.workspace.compute.gateway.values.rules.intervals import as_interval
from brickyard.workspace.compute.gateway.values.rules.model import Call, Fix, Operand, Rule, mismatch
from brickyard.workspace.compute.gateway.values.rules.texts import quoted, text_of
from brickyard.workspace.compute.gateway.values.rules.times import floored
from brickyard.workspace.compute.gateway.values.rules.types import FLOATS, INTEGERS, fields, inside, is_number
from brickyard.workspace.compute.gateway.values.rules.variants import of_variant

__all__ = ["RULES", "VARIANTS", "is_affected", "plain_text"]

#: The targets of casts that depend on what is cast.
TARGETS = frozenset({"string", "date", "binary", "boolean", "timestamp", "timestamp_ntz", *INTEGERS, *FLOATS})
OTHERS = ("decimal", "array<", "map<", "struct<", "interval", "geo")
TIMES = frozenset({"date", "timestamp_ntz"})
REFUSED = frozenset({("boolean", "date"), ("boolean", "timestamp_ntz")})
#: Functions that give variants, or may.
VARIANTS = frozenset({"variant_get", "parse_json", "try_parse_json"})
#: A number with an exponent, which the engine does not read as a DECIMAL.
EXPONENT = r"^\s*[-+]?([0-9]+[.]?[0-9]*|[.][0-9]+)[eE][-+]?[0-9]+\s*$"
#: A day before a time, which is left out.
DAY = r"^(\d{4,7}-\d{1,2}-\d{1,2})[ T]"
#: A year or a month before what the engine takes for a time.
NO_DAY = r"^[0-9]+(-[0-9]*)?[ T]"
#: What Spark takes for a BOOLEAN, in small letters; the engine takes their beginnings too.
BOOLEANS = frozenset({"t", "true", "y", "yes", "1", "f", "false", "n", "no", "0"})
#: What Spark leaves out around a date or a BOOLEAN.
BLANKS = "' \\t\\n\\r'"


def is_affected(target: str) -> bool:
    """Whether casts to a type may have to be corrected."""
    return target in TARGETS or target.startswith(OTHERS)


def _cast(call: Call) -> Fix | None:
    kind, target = call.kind(), call.operands[1].kind
    if kind == "variant" and target != "variant":
        return _of_variant(target, tried=call.name == "try_cast")
    if kind.startswith("interval") and is_number(target):
        raise unsupported("a cast of an INTERVAL to a number", "Use extract(), or unix_seconds() of the times.")
    if kind.startswith("geo") or target.startswith("geo"):
        raise unsupported(f"a cast of {kind.upper()} to {target.upper()}", "Use st_geomfromwkb() and st_asbinary().")
    if is_number(kind) and target.startswith("interval"):
        return as_interval(kind, target)
    _check(kind, target, tried=call.name == "try_cast")
    if kind == "string" and target == "boolean":
        return _boolean(tried=call.name == "try_cast")
    if kind == "string":
        return _of_text(target, tried=call.name == "try_cast")
    if (kind, target) == ("timestamp", "timestamp_ntz"):  # what the clock shows in the session's zone
        return Fix(kind=target, inner={1: "CAST($0 AS STRING)"})
    if kind in FLOATS and target.startswith("decimal"):
        return Fix(kind=target, inner={1: plain_text("$0")})  # the call stays, so that TRY_CAST gives null
    made = _converted(kind, target, "$1")
    return Fix(made, target) if made else None


def _of_variant(target: str, *, tried: bool) -> Fix:
    made = of_variant(target, "$1", tried=tried)
    if not made:
        raise unsupported(f"a cast of VARIANT to {target.upper()}", "Use from_json(CAST(... AS STRING), ...).")
    return Fix(made, target)


def _check(kind: str, target: str, *, tried: bool) -> None:
    """Raise DATATYPE_MISMATCH for casts that Spark does not have."""
    if target == "date" and is_number(kind):
        raise mismatch(
            "CAST_WITH_FUNC_SUGGESTION",
            f'Cannot cast "{kind.upper()}" to "DATE". To convert values from "{kind.upper()}" to "DATE", you can use '
            "the function `DATE_FROM_UNIX_DATE` instead.",
        )
    numbers = (kind in TIMES and is_number(target)) or (is_number(kind) and target in {"binary", "timestamp_ntz"})
    nested = kind and kind != "void" and "<" not in kind and "<" in target
    if (kind, target) in REFUSED or numbers or nested or (tried and kind in TIMES and target == "boolean"):
        raise mismatch(
            "CAST_WITHOUT_SUGGESTION", f'Cannot resolve the cast: cannot cast "{kind.upper()}" to "{target.upper()}".'
        )


def _of_text(target: str, *, tried: bool) -> Fix | None:
    """Texts that the engine does not read."""
    if target == "date":
        text = f"btrim($0, {BLANKS})"
        error = _malformed("$0", "DATE", tried=tried)
        whole = f"(CASE WHEN {text} RLIKE {quoted(NO_DAY)} THEN CAST({error} AS STRING) ELSE {text} END)"
        return Fix(kind=target, inner={1: f"coalesce(nullif(regexp_extract({text}, {quoted(DAY)}, 1), ''), {whole})"})
    if target.startswith("decimal"):
        known = f"$0 RLIKE {quoted(EXPONENT)}"
        number = plain_text(f"CAST((CASE WHEN {known} THEN $0 ELSE '0' END) AS DOUBLE)")
        return Fix(kind=target, inner={1: f"(CASE WHEN {known} THEN {number} ELSE $0 END)"})
    return None


def _boolean(*, tried: bool) -> Fix:
    """Texts of which Spark makes no BOOLEAN."""
    words = ", ".join(map(quoted, sorted(BOOLEANS)))
    text = f"btrim($1, {BLANKS})"
    wrong = f"isnotnull($1) AND NOT lower({text}) IN ({words})"
    error = f"CAST({_malformed('$1', 'BOOLEAN', tried=tried)} AS BOOLEAN)"
    return Fix(f"(CASE WHEN {wrong} THEN {error} ELSE {'TRY_' if tried else ''}CAST({text} AS BOOLEAN) END)", "boolean")


def _malformed(text: str, target: str, *, tried: bool) -> str:
    """What a text gives that Spark does not read and the engine does."""
    if tried:
        return "NULL"
    before, after = "[CAST_INVALID_INPUT] The value '", f'\' of the type "STRING" cannot be cast to "{target}" because'
    why = " it is malformed. Correct the value as per the syntax, or change its target type. Use `try_cast` to tolerate"
    rest = " malformed input and return NULL instead. SQLSTATE: 22018"
    return f"raise_error(concat({quoted(before)}, {text}, {quoted(after + why + rest)}))"


def _converted(kind: str, target: str, value: str, depth: int = 0) -> str:
    """SQL for a value in another type; empty if the engine's own cast is right."""
    name = f"c{depth}_"
    if target == "string":
        return text_of(kind, value) or (f"CAST({value} AS STRING)" if depth and kind.startswith("timestamp") else "")
    if target.startswith("decimal") and kind in FLOATS:
        return f"CAST({plain_text(value, depth)} AS {target})"
    if target.startswith("decimal") and kind == "timestamp":
        return f"CAST(CAST(unix_micros({value}) AS DECIMAL(20,0)) * 0.000001 AS {target})"
    if kind == "timestamp" and target in INTEGERS:
        return f"CAST({floored(1000000, value)} AS {target})"
    if kind.startswith("array<") and target.startswith("array<"):
        each = _converted(inside(kind), inside(target), name, depth + 1)
        return f"transform({value}, {name} -> {each})" if each else ""
    if kind.startswith("map<") and target.startswith("map<"):
        return _map(kind, target, value, depth)
    return _struct(kind, target, value, depth) if kind[:7] == target[:7] == "struct<" else ""


def _map(kind: str, target: str, value: str, depth: int) -> str:
    name, parts, changed = f"c{depth}_", [], False
    for (part, one), (_, other) in zip(fields(kind), fields(target), strict=True):
        each = _converted(one, other, name, depth + 1)
        changed = changed or bool(each)
        parts.append(f"transform(map_{part}s({value}), {name} -> {each or f'CAST({name} AS {other})'})")
    return f"map_from_arrays({', '.join(parts)})" if changed else ""


def _struct(kind: str, target: str, value: str, depth: int) -> str:
    parts, changed = [], False
    for (field, one), (label, other) in zip(fields(kind), fields(target), strict=False):
        place = f"{value}.`{field.replace('`', '``')}`"
        each = _converted(one, other, place, depth + 1)
        changed = changed or bool(each)
        parts += [quoted(label), each or f"CAST({place} AS {other})"]
    return f"if(isnull({value}), NULL, named_struct({', '.join(parts)}))" if changed else ""


def plain_text(value: str, depth: int = 0) -> str:
    """The digits of a DOUBLE as Java writes them, without an exponent; null for what is no number."""
    name, text = f"d{depth}_", f"t{depth}_"
    number = f"(CASE WHEN isnan({name}) OR abs({name}) = CAST('Infinity' AS DOUBLE) THEN NULL ELSE {name} END)"
    body = _without_exponent(text)
    inner = f"get(transform(array(CAST({number} AS STRING)), {text} -> {body}), 0)"
    return f"get(transform(array(CAST({value} AS DOUBLE)), {name} -> {inner}), 0)"


def _without_exponent(text: str) -> str:
    """What a text such as `-1.5e-7` is without its exponent."""
    power = f"CAST(concat('0', regexp_extract({text}, '[eE]-?([0-9]+)$', 1)) AS INT)"
    sign = f"regexp_extract({text}, '^-?', 0)"
    digits = f"regexp_replace(regexp_replace({text}, '[eE].*$', ''), '[-.]', '')"
    return (
        f"(CASE WHEN {text} RLIKE '[eE]-' THEN concat({sign}, '0.', repeat('0', {power} - 1), {digits}) "
        f"WHEN {text} RLIKE '[eE]' THEN concat({sign}, rpad({digits}, {power} + 1, '0')) ELSE {text} END)"
    )


def _needless(call: Call) -> bool:
    known = call.name == "cast" and not is_affected(call.operands[1].kind)
    return known and call.operands[0].text.partition("(")[0].lower() not in VARIANTS


def _as_cast(call: Call) -> Fix | None:
    """`string(x)` is a cast."""
    fix = _cast(Call("cast", (call.operands[0], Operand(call.name))))
    if fix is None:
        return Fix(f"CAST($1 AS {call.name})", call.name)
    return Fix(f"CAST({fix.inner[1].replace('$0', '$1')} AS {fix.kind})", fix.kind) if fix.inner else fix


RULES = {
    "cast": Rule(_cast, (0,), _needless),
    "try_cast": Rule(_cast, (0,), _needless),
    **dict.fromkeys(("string", "date", "boolean", *INTEGERS, *FLOATS), Rule(_as_cast, (0,))),
}
