"""Branches: their common type, to which each one is cast.

Sail gives a CASE and an `if` the type of the first branch, whatever the others are (0.7.2).
"""

from __future__ import annotations

from functools import reduce

from brickyard.workspace.compute.gateway.errors import PARSE, SparkError, unsupported
from brickyard.workspace.compute.gateway.values.rules.calendar import is_of_months
from brickyard.workspace.compute.gateway.values.rules.model import (
    Call,
    Fix,
    Rule,
    all_of,
    different,
    mismatch,
    need_order,
)
from brickyard.workspace.compute.gateway.values.rules.types import FLOATS, differ, is_number, wider

__all__ = ["RULES"]

#: What Spark calls them in its errors.
NAMES = {"case": "casewhen", "when": "casewhen"}


def _branches(first: int) -> Rule:
    """The rule for functions whose results begin at an operand."""

    def make(call: Call) -> Fix | None:
        kinds = [operand.kind for operand in call.operands[first:]]
        kind = reduce(wider, kinds) if kinds and all(kinds) else ""
        if not kind:
            if differ(kinds):
                raise different(NAMES.get(call.name, call.name), kinds)
            return Fix(kind=kinds[0]) if kinds and len(set(kinds)) == 1 else None
        fitting = {kind} if "<" in kind else {kind, "void"}  # a null beside an array would make it a text
        others = [number for number, one in enumerate(kinds, first + 1) if one not in fitting]
        template = f"coalesce({all_of(call)})" if others and call.name in {"nvl", "ifnull"} else ""
        if call.name == "nvl2" and len(call.operands) == 3:  # the engine looks at the type of the first one too
            values = (f"CAST(${number} AS {kind})" if number in others else f"${number}" for number in (2, 3))
            return Fix("(CASE WHEN isnotnull($1) THEN {} ELSE {} END)".format(*values), kind)
        return Fix(template, kind, dict.fromkeys(others, f"CAST($0 AS {kind})"))

    return Rule(make)


def _first_of(call: Call) -> Fix | None:
    """`nullif(a, b)` has the type of a."""
    need_order("=", [call.kind(0)])
    if call.kind(0) in FLOATS and is_number(call.kind(1)):  # nothing is as much as minus nothing
        return Fix("(CASE WHEN CAST($1 AS DOUBLE) = CAST($2 AS DOUBLE) THEN NULL ELSE $1 END)", call.kind(0))
    if call.kind(0) == call.kind(1) or not is_number(call.kind(0)):
        return None
    return Fix(f"CAST(nullif($1, $2) AS {call.kind(0)})", call.kind(0))


def _array(call: Call) -> Fix | None:
    """An array of values in their common type."""
    if any(one.kind.startswith("geo") for one in call.operands):
        raise unsupported("GEOMETRY and GEOGRAPHY inside of an ARRAY", "Keep their bytes, with st_asbinary().")
    made = _branches(0).make(call)
    return Fix(inner=made.inner, kind=f"array<{made.kind}>" if made.kind else "") if made and call.operands else None


def _rows(call: Call) -> Fix | None:
    """The rows of an inline table; text goes with nothing else."""
    kinds = {operand.kind for operand in call.operands} - {"void", ""}
    if differ(kinds) or ("string" in kinds and len(kinds) > 1 and all("<" not in kind for kind in kinds)):
        raise SparkError(
            "INVALID_INLINE_TABLE.INCOMPATIBLE_TYPES_IN_INLINE_TABLE",
            f"Invalid inline table. Found incompatible types in a column: {', '.join(sorted(kinds))}. Cast the values.",
            kind=PARSE,
            sql_state="42000",
        )
    return _branches(0).make(call)


def _zero(call: Call) -> Fix | None:
    """`zeroifnull(x)` is `coalesce(x, 0)`."""
    kind = wider(call.kind(), "int") if is_number(call.kind()) or call.kind() == "string" else ""
    return Fix(f"coalesce(CAST($1 AS {kind}), CAST(0 AS {kind}))", kind) if kind else None


def _no_zero(call: Call) -> Fix | None:
    """`nullifzero(x)` is `nullif(x, 0)`."""
    return Fix("(CASE WHEN $1 = 0 THEN NULL ELSE $1 END)", call.kind()) if call.kind() in FLOATS else None


def _extreme(call: Call) -> Fix | None:
    """`greatest` and `least` take no text beside other types."""
    need_order(call.name, [call.kind()])
    kinds = {operand.kind for operand in call.operands} - {"void", ""}
    if "string" in kinds and len(kinds) > 1:
        raise mismatch(
            "DATA_DIFF_TYPES",
            f"Cannot resolve {call.name}: input should all be the same type, but it is {sorted(kinds)}. Cast them.",
        )
    return _branches(0).make(call)


def _compared(call: Call) -> Fix | None:
    """A DECIMAL beside a DOUBLE, FLOAT or text is a DOUBLE; the engine makes DECIMALs of both, too small for some."""
    kinds = [operand.kind for operand in call.operands]
    if call.zoned and "date" in kinds and "timestamp" in kinds:  # the engine takes midnight in UTC
        dates = [number for number, kind in enumerate(kinds, 1) if kind == "date"]
        return Fix(kind="boolean", inner=dict.fromkeys(dates, "CAST($0 AS TIMESTAMP)"))
    need_order("=", kinds)
    if differ(kinds) or len({is_of_months(kind) for kind in kinds if kind.startswith("interval")}) > 1:
        raise different("the comparison", kinds)
    if {"float", "string"} <= set(kinds):
        return Fix(kind="boolean", inner=dict.fromkeys(range(1, len(kinds) + 1), "CAST($0 AS DOUBLE)"))
    if "boolean" in kinds and "string" in kinds:
        texts = [number for number, kind in enumerate(kinds, 1) if kind == "string"]
        return Fix(kind="boolean", inner=dict.fromkeys(texts, "CAST($0 AS BOOLEAN)"))
    if not any(kind in {*FLOATS, "string"} for kind in kinds) or not any(kind.startswith("decimal") for kind in kinds):
        return None
    others = [number for number, kind in enumerate(kinds, 1) if kind != "double"]
    return Fix(kind="boolean", inner=dict.fromkeys(others, "CAST($0 AS DOUBLE)"))


COALESCE = _branches(0)
RULES = {
    "compare": Rule(_compared),
    "case": _branches(0),
    "when": _branches(0),
    "if": _branches(1),
    "nvl2": _branches(1),
    "coalesce": COALESCE,
    "nvl": COALESCE,
    "ifnull": COALESCE,
    "nullif": Rule(_first_of),
    "values": Rule(_rows),
    "array": Rule(_array),
    "zeroifnull": Rule(_zero),
    "nullifzero": Rule(_no_zero),
    "greatest": Rule(_extreme),
    "least": Rule(_extreme),
}
RULES = {name: Rule(rule.make, None) for name, rule in RULES.items()}
