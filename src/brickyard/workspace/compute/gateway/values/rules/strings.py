"""Functions of text."""

from __future__ import annotations

from functools import reduce

from brickyard.workspace.compute.gateway.errors import unsupported
from brickyard.workspace.compute.gateway.values.rules.model import Call, Fix, Rule, all_of
from brickyard.workspace.compute.gateway.values.rules.texts import quoted, written
from brickyard.workspace.compute.gateway.values.rules.types import inside, wider
from brickyard.workspace.compute.gateway.values.rules.words import worded

__all__ = ["RULES"]

#: A text of letters, digits and single spaces needs no care.
WORDS = (
    "(CASE WHEN $1 RLIKE '^[A-Za-z0-9 ]*$' THEN initcap($1) ELSE array_join(transform(split(lower($1), ' ', -1), "
    "w_ -> concat(upper(left(w_, 1)), substring(w_, 2))), ' ') END)"
)
#: One part for each letter.
LETTERS = "if(length($1) = 0, array(''), transform(sequence(1, length($1)), i_ -> substring($1, i_, 1)))"
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
WIDE = "[UNSUPPORTED_BY_ENGINE] The engine cannot convert this number with conv(). Use Python's int() and format()."


def _concat(call: Call) -> Fix | None:
    """Operands that are no text become text; arrays become arrays of the same."""
    kinds = [operand.kind for operand in call.operands]
    if call.name != "concat_ws" and all(kind.startswith("array<") for kind in kinds):
        kind = reduce(wider, map(inside, kinds))
        others = [number for number, one in enumerate(kinds, 1) if inside(one) != kind]
        return Fix(
            kind=f"array<{kind}>" if kind else "",
            inner=dict.fromkeys(others if kind else [], f"CAST($0 AS array<{kind}>)"),
        )
    first = 2 if call.name == "concat_ws" else 1
    texts = {
        number: written(operand.kind, "$0")
        for number, operand in enumerate(call.operands, 1)
        if number >= first and not operand.kind.startswith("array<")
    }
    return Fix(inner={number: text for number, text in texts.items() if text})


def _element(call: Call) -> Fix | None:
    """A number past the end is an error, and what is no text becomes one."""
    texts = {
        number: text for number, one in enumerate(call.operands, 1) if number > 1 and (text := written(one.kind, "$0"))
    }
    if texts:
        raise unsupported("elt of times or numbers with a point", "Cast them to STRING.")
    last = len(call.operands) - 1
    if call.operands[0].number is not None and 1 <= call.operands[0].number <= last:
        return None
    message = f"[INVALID_ARRAY_INDEX] The index of elt() is out of bounds. There are {last} elements. SQLSTATE: 22003"
    return Fix(
        f"(CASE WHEN isnull($1) THEN NULL WHEN $1 >= 1 AND $1 <= {last} THEN elt({all_of(call)}) "
        f"ELSE CAST(raise_error({quoted(message)}) AS STRING) END)",
        "string",
    )


def _of_bytes(call: Call) -> Fix | None:
    """Bytes stay bytes: their digits are cut, two for each."""
    numbers = [operand.number for operand in call.operands[1:]]
    if None in numbers:
        raise unsupported(f"{call.name} of BINARY with numbers that are no literals", "Cut hex(...) and use unhex().")
    first, *rest = [number or 0 for number in numbers]
    count = max(rest[0] if rest else 0, 0)
    if call.name in {"left", "right"}:
        return (
            Fix(f"unhex(CAST(left(hex($1), {2 * max(first, 0)}) AS STRING))", "binary") if call.name == "left" else None
        )
    if first < 0 and rest:
        raise unsupported(f"{call.name} of BINARY from its end, with a length", "Cut hex(...) and use unhex().")
    start = 2 * first if first < 0 else max(2 * first - 1, 1)
    text = f"substring(hex($1), {start}{f', {2 * count}' if rest else ''})"
    return Fix(f"unhex(CAST({text} AS STRING))", "binary")


def _substring(call: Call) -> Fix | None:
    """A start before the text counts into the length."""
    if call.kind() == "binary":
        return _of_bytes(call)
    start = call.operands[1].number if len(call.operands) > 1 else 0
    if len(call.operands) < 3:  # the engine begins at the first letter where the start is null
        return Fix("substring($1, $2, if(isnull($2), CAST(NULL AS INT), 2147483647))") if start is None else None
    if start is not None and start >= 0:
        length = call.operands[2].number
        return None if length is not None and length >= 0 else Fix("substring($1, $2, if($3 < 0, 0, $3))")
    missing = "(CAST(length($1) AS BIGINT) + $2)"
    if start is None:
        missing = f"if($2 < 0, {missing}, CAST(0 AS BIGINT))"
    rest = f"CAST(greatest($3 + least({missing}, CAST(0 AS BIGINT)), CAST(0 AS BIGINT)) AS INT)"
    return Fix(f"substring($1, $2, if(isnull($2) OR isnull($3), CAST(NULL AS INT), {rest}))")


def _ends(call: Call) -> Fix | None:
    """`left` and `right` of less than nothing are nothing."""
    if call.kind() == "binary":
        return _of_bytes(call)
    if call.kind(1) in {"string", "void"}:
        return Fix(f"{call.name}($1, if(CAST($2 AS INT) < 0, 0, CAST($2 AS INT)))", "string")
    count = call.operands[1].number if len(call.operands) > 1 else 0
    return Fix(f"{call.name}($1, if($2 < 0, 0, $2))") if count is None or count < 0 else None


def _split(call: Call) -> Fix | None:
    if len(call.operands) < 2 or call.operands[1].value != "":
        return None
    if len(call.operands) > 2 and (call.operands[2].number or 0) > 0:
        raise unsupported("split(text, '', limit)", "Leave the limit out and use slice().")
    return Fix(LETTERS, "array<string>")


def _character(call: Call) -> Fix | None:
    number = call.operands[0].number
    if number is not None and 0 <= number < 256:
        return None
    return Fix("if($1 < 0, '', chr(CAST($1 AS BIGINT) & CAST(255 AS BIGINT)))", "string")


def _convert(call: Call) -> Fix | None:
    """Of the digits that the base has, as an unsigned number of 64 bits."""
    bases = [operand.number for operand in call.operands[1:]]
    if len(bases) != 2 or None in bases:
        raise unsupported("conv with bases that are no literals", "Write the bases as numbers.")
    source, target = abs(bases[0] or 0), bases[1] or 0
    if not (2 <= source <= 36 and 2 <= abs(target) <= 36):
        return Fix("CAST(NULL AS STRING)", "string")
    if (bases[0] or 0) < 0 or target < 0:
        raise unsupported("conv with a negative base", "Use positive bases.")
    digits = DIGITS[:source]
    text = f"regexp_extract(upper(trim(CAST($1 AS STRING))), '^(-?)([{digits}]*)', {{}})"
    number = f"conv(concat('0', {text.format(2)}), {source}, {target})"
    known = f"conv(concat('0', {text.format(2)}), {source}, 10)"
    below = f"conv(CAST(CAST({known} AS BIGINT) - 1 AS STRING), 10, 2)"
    return _converted(text, number, below, target)


def _converted(text: str, number: str, below: str, target: int) -> Fix:
    """Sail knows 63 bits: what needs more is an error."""
    wide = f"raise_error({quoted(WIDE)})"
    flipped = f"translate(lpad({below}, 64, '0'), '01', '10')"
    negative = {2: flipped, 16: _hex(flipped)}.get(target, wide)
    found, sign = f"nullif({number}, '')", text.format(1)
    positive = f"coalesce({found}, {wide})"
    return Fix(
        f"(CASE WHEN trim(CAST($1 AS STRING)) = '' OR isnull($1) THEN NULL "
        f"WHEN {sign} = '-' AND {number} <> '0' THEN {negative} ELSE {positive} END)",
        "string",
    )


def _hex(bits: str) -> str:
    halves = (f"conv(substring({bits}, {first}, 32), 2, 16)" for first in (1, 33))
    return "concat(" + ", ".join(f"lpad({half}, 8, '0')" for half in halves) + ")"


def _replaced(call: Call) -> Fix | None:
    """From a place on, which is counted from 1: what stands before it stays."""
    if len(call.operands) != 4:
        return None
    start = call.operands[3].number
    if start is None or start < 1:
        raise unsupported("regexp_replace from a position that is no literal", "Cut the text with substring().")
    if start == 1:
        return Fix("regexp_replace($1, $2, $3)", "string")
    rest = f"regexp_replace(substring($1, {start}), $2, $3)"
    return Fix(f"(CASE WHEN length($1) < {start} THEN $1 ELSE concat(left($1, {start - 1}), {rest}) END)", "string")


RULES = {
    "regexp_replace": worded("regexp_replace", _replaced),
    "concat": Rule(_concat, None),
    "||": Rule(_concat, None),
    "concat_ws": Rule(_concat, None),
    "elt": Rule(_element, None),
    "substring": worded("substring", _substring),
    "substr": worded("substr", _substring),
    "left": worded("left", _ends),
    "right": worded("right", _ends),
    "initcap": worded("initcap", lambda _: Fix(WORDS, "string")),
    "split": worded("split", _split),
    "chr": Rule(_character),
    "char": Rule(_character),
    "conv": Rule(_convert),
    "regexp_count": worded("regexp_count", lambda _: Fix(around="CAST($0 AS INT)", kind="int")),
}
