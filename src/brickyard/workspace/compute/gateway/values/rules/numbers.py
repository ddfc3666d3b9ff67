"""Mathematical functions in Spark's types and to Spark's digits."""

from __future__ import annotations

import re

from brickyard.workspace.compute.gateway.errors import unsupported
from brickyard.workspace.compute.gateway.values.rules.arithmetic import RULES as ARITHMETIC
from brickyard.workspace.compute.gateway.values.rules.model import Call, Fix, Rule, mismatch
from brickyard.workspace.compute.gateway.values.rules.rounding import to_even
from brickyard.workspace.compute.gateway.values.rules.texts import quoted
from brickyard.workspace.compute.gateway.values.rules.types import FLOATS, INTEGERS, Decimal, is_number, wider

__all__ = ["RULES"]

#: Near nothing, the logarithm of one more is its own series.
SERIES = "($1 - $1 * $1 / 2.0D + $1 * $1 * $1 / 3.0D - $1 * $1 * $1 * $1 / 4.0D)"
SIGNS = {"try_add": "+", "try_subtract": "-", "try_multiply": "*"}
#: One more than the largest values; the smallest one is taken for too small.
SMALL = {"tinyint": 2**7, "smallint": 2**15}
INFINITE = "CAST('Infinity' AS DOUBLE)"
MOST = 38
WHOLE = re.compile(r"\s*-?\s*[0-9]+[LlSsYy]?\s*")
LONG = (
    "[UNSUPPORTED_BY_ENGINE] The engine writes 15 digits of numbers in format_number(). Use CAST(... AS STRING), or "
    "Python's format()."
)


def _remainder(call: Call) -> Fix | None:
    """`mod` is the sign `%`."""
    if len(call.operands) != 2:
        return None
    kinds = call.kind(0), call.kind(1)
    if call.name == "pmod" and "string" in kinds:  # a text is a number beside one
        at = kinds.index("string")
        kind = "bigint" if kinds[1 - at] in INTEGERS else "double"
        return Fix(kind=kind, inner={at + 1: f"CAST($0 AS {kind})", 2 - at: f"CAST($0 AS {kind})"})
    made = ARITHMETIC["%"].make(Call("%", call.operands, call.compared))
    if made is None or call.name == "mod":
        return Fix(made.template or "($1 % $2)", made.kind) if made is not None else None
    if call.name == "try_mod":
        template = made.template or "($1 % $2)"
        return Fix(template.replace("$2", "(CASE WHEN $2 = 0 THEN NULL ELSE $2 END)"), made.kind)
    return Fix(around=f"CAST($0 AS {made.kind})", kind=made.kind) if made.kind not in {"", *INTEGERS} else None


def _not(call: Call) -> Fix | None:
    if call.kind() in FLOATS or call.kind().startswith("decimal"):
        raise mismatch(
            "UNEXPECTED_INPUT_TYPE", f'The parameter requires the "INTEGRAL" type, not "{call.kind().upper()}".'
        )
    return (
        Fix(around=f"CAST($0 AS {call.kind()})", kind=call.kind()) if call.kind() in {"tinyint", "smallint"} else None
    )


def _log(call: Call) -> Fix | None:
    """`log1p` of little numbers."""
    number = "CAST($1 AS DOUBLE)"
    series = SERIES.replace("$1", "l_")
    value = f"(CASE WHEN abs(l_) < 1e-4D THEN {series} ELSE log1p(l_) END)"
    return Fix(f"get(transform(array({number}), l_ -> {value}), 0)", "double")


def _formatted(call: Call) -> Fix | None:
    """Decimals are rounded as they are written; the engine makes doubles of all numbers."""
    kind, digits = call.kind(), call.operands[1].number
    of = Decimal.of(kind) if kind.startswith("decimal") or kind == "bigint" else None
    if of is None:
        return _written(kind) if kind in FLOATS else None
    if digits is None:
        if kind == "bigint" or call.operands[1].value is None:
            return _limited("$1") if kind == "bigint" else None
        raise unsupported("format_number of a DECIMAL with a pattern", "Give the number of digits.")
    return _limited("$1" if kind == "bigint" or digits >= of.scale else to_even(digits))


def _written(kind: str) -> Fix:
    """The engine writes all digits of large numbers, and Java the shortest ones that mean them."""
    error = f"CAST(raise_error({quoted(LONG)}) AS {kind})"
    large = f"abs($0) >= 1e15D AND abs($0) < {INFINITE}"
    around = "replace($0, 'inf', '∞')"
    return Fix(kind="string", around=around, inner={1: f"(CASE WHEN {large} THEN {error} ELSE $0 END)"})


def _limited(value: str) -> Fix:
    small = "(CASE WHEN abs($1) < 1000000000000000 THEN $1 ELSE NULL END)"
    text = f"format_number(CAST({value.replace('$1', small)} AS DOUBLE), $2)"
    return Fix(f"(CASE WHEN abs($1) >= 1000000000000000 THEN raise_error({quoted(LONG)}) ELSE {text} END)", "string")


def _based(call: Call) -> Fix | None:
    """The leg of a triangle, in doubles: the engine's integers overflow."""
    if len(call.operands) == 2 and not call.kind(0) == call.kind(1) == "double":
        return Fix("hypot(CAST($1 AS DOUBLE), CAST($2 AS DOUBLE))", "double")
    return None


def _tried(call: Call) -> Fix | None:
    """`try_add` and its kin, of which the engine has those of INT and BIGINT."""
    sign, left, right = SIGNS[call.name], call.kind(0), call.kind(1)
    if "string" in {left, right} and (is_number(left) or is_number(right)):  # a text is a number beside one
        kind = "bigint" if {left, right} & set(INTEGERS) else "double"
        if kind == "bigint":
            return Fix(kind=kind, inner={1: "TRY_CAST($0 AS BIGINT)", 2: "TRY_CAST($0 AS BIGINT)"})
        return Fix(f"(TRY_CAST($1 AS DOUBLE) {sign} TRY_CAST($2 AS DOUBLE))", kind)
    if not (is_number(left) and is_number(right)):
        return None
    kind = wider(left, right)
    if kind in {"int", "bigint"}:
        others = [number for number, one in enumerate((left, right), 1) if one != kind]
        return Fix(kind=kind, inner=dict.fromkeys(others, f"CAST($0 AS {kind})")) if others else None
    if kind in SMALL:
        value = f"(CAST($1 AS INT) {sign} CAST($2 AS INT))"
        return Fix(f"CAST((CASE WHEN abs({value}) < {SMALL[kind]} THEN {value} ELSE NULL END) AS {kind})", kind)
    made = ARITHMETIC[sign].make(Call(sign, call.operands))
    of = Decimal.of(made.kind) if made is not None and made.kind.startswith("decimal") else None
    if of is not None and of.precision >= MOST:
        raise unsupported(f"{call.name} of DECIMALs with {MOST} digits", "Cast them to shorter ones.")
    return Fix(made.template or f"($1 {sign} $2)", made.kind) if made is not None else None


def _divided(call: Call) -> Fix | None:
    """`try_divide`, of which the engine has that of integers."""
    left, right = call.kind(0), call.kind(1)
    if "string" in {left, right} and (is_number(left) or is_number(right)):
        divisor = "TRY_CAST($2 AS DOUBLE)"
        return Fix(f"(TRY_CAST($1 AS DOUBLE) / (CASE WHEN {divisor} = 0 THEN NULL ELSE {divisor} END))", "double")
    if not (is_number(left) and is_number(right)) or (left in INTEGERS and right in INTEGERS):
        return None
    made = ARITHMETIC["/"].make(Call("/", call.operands))
    if made is None:
        return None
    if call.operands[1].number == 0:
        return Fix(f"CAST(NULL AS {made.kind})", made.kind)
    template = made.template or "($1 / $2)"
    return Fix(template.replace("$2", "(CASE WHEN $2 = 0 THEN NULL ELSE $2 END)"), made.kind)


def _power(call: Call) -> Fix | None:
    """Ones to what is no finite number are no numbers, as Java has them."""
    if len(call.operands) != 2 or call.operands[1].number is not None:
        return None
    strange = f"abs(CAST($1 AS DOUBLE)) = 1.0D AND NOT abs(CAST($2 AS DOUBLE)) < {INFINITE}"
    return Fix(f"(CASE WHEN {strange} THEN CAST('NaN' AS DOUBLE) ELSE power($1, $2) END)", "double")


def _bucket(call: Call) -> Fix | None:
    """What is infinite is in the first or last bucket; the largest number of buckets is too large."""
    if len(call.operands) != 4:
        return None
    inner = {4: "nullif(CAST($0 AS BIGINT), CAST(9223372036854775807 AS BIGINT))"}
    if call.kind() in FLOATS:
        most = "1.7976931348623157E308D"
        value = f"(CASE WHEN $0 = {INFINITE} THEN {most} WHEN $0 = - {INFINITE} THEN - {most} ELSE $0 END)"
        inner[1] = value
    return Fix(kind="bigint", inner=inner)


def _random(call: Call) -> Fix | None:
    """No seed is the seed 0."""
    return Fix(kind="double", inner={1: "0"}) if call.kind() == "void" else None


def _uniform(call: Call) -> Fix | None:
    """A whole number is cut towards 0; the engine takes the one below."""
    if len(call.operands) != 3 or not all(WHOLE.fullmatch(one.text or one.value or "") for one in call.operands[:2]):
        return None
    kind = wider(call.kind(0), call.kind(1))
    return Fix(f"CAST($1 + ($2 - $1) * rand($3) AS {kind})", kind) if kind in INTEGERS else None


RULES = {
    **dict.fromkeys(("pow", "power"), Rule(_power)),
    "width_bucket": Rule(_bucket, (0,)),
    **dict.fromkeys(("rand", "random", "randn"), Rule(_random)),
    "uniform": Rule(_uniform, (0, 1)),
    "try_divide": Rule(_divided, None),
    **dict.fromkeys(("mod", "pmod", "try_mod"), Rule(_remainder, None)),
    "~": Rule(_not, (0,)),
    "log1p": Rule(_log),
    "format_number": Rule(_formatted, (0,)),
    "hypot": Rule(_based, None),
    **dict.fromkeys(SIGNS, Rule(_tried, None)),
}
