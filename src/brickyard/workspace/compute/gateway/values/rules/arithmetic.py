"""Arithmetic in ANSI mode, exact or an error.

Sail wraps integers around (0.7.2). A decimal of enough digits holds every sum, difference and product of two integers,
and its cast back fails where the integer type ends.

Source: https://docs.databricks.com/aws/en/sql/language-manual/sql-ref-datatype-rules
"""

from __future__ import annotations

from brickyard.workspace.compute.gateway.values.rules.aggregates import sum_of_decimals
from brickyard.workspace.compute.gateway.values.rules.calendar import MICROS, difference, in_calendar, on_date
from brickyard.workspace.compute.gateway.values.rules.decimals import decimal_arithmetic
from brickyard.workspace.compute.gateway.values.rules.intervals import SPAN, is_of_clock, of_micros, scaled
from brickyard.workspace.compute.gateway.values.rules.model import Call, Fix, Operand, Rule, mismatch, unexpected
from brickyard.workspace.compute.gateway.values.rules.types import FLOATS, INTEGERS, family, is_number, wider

__all__ = ["LARGEST", "RULES"]

TIMES = frozenset({"date", "timestamp", "timestamp_ntz"})
LARGEST = {"tinyint": 2**7 - 1, "smallint": 2**15 - 1, "int": 2**31 - 1, "bigint": 2**63 - 1}
#: What holds the results of arithmetic on each type.
WIDE = {"tinyint": "DECIMAL(3,0)", "smallint": "DECIMAL(5,0)", "int": "DECIMAL(10,0)", "bigint": "DECIMAL(19,0)"}
DAYS_APART = "make_dt_interval(CAST(datediff($1, $2) AS INT))"
#: What may be added to a date.
DAYS = frozenset({"tinyint", "smallint", "int"})
SUMMED = "DECIMAL(28,0)"
NO_SPAN = "make_dt_interval(CAST(NULL AS INT))"


def _arithmetic(call: Call) -> Fix | None:
    """`+`, `-`, `*`, `/` and `%`."""
    left, right = call.kind(0), call.kind(1)
    if call.name == "-" and left == right == "date":
        return Fix(DAYS_APART, "interval day")
    if not all(is_number(kind) or kind in {"string", "void"} for kind in (left, right)):
        return _of_times(call)
    if left == right == "string":
        raise mismatch("BINARY_OP_WRONG_TYPE", f"The operator {call.name} requires numbers, not two STRINGs. Cast one.")
    if "string" in (left, right) or left == right == "void":
        return _with_text(call)
    if "void" in (left, right):
        return None
    if left in FLOATS or right in FLOATS:
        return _of_floats(call)
    if left in INTEGERS and right in INTEGERS:
        return _of_integers(call)
    return decimal_arithmetic(call)


def _of_times(call: Call) -> Fix | None:
    """Of dates, timestamps and intervals."""
    left, right = call.kind(0), call.kind(1)
    _check(call)
    if "void" in {left, right} and {left, right} & TIMES and call.name in "+-":
        return Fix(*(("CAST(NULL AS TIMESTAMP)", "timestamp") if call.name == "+" else (NO_SPAN, SPAN)))
    if call.name == "-" and "string" in {left, right} and {left, right} & TIMES:
        return _with_time(call)
    if call.name == "-" and {left, right} <= TIMES:
        return difference(call)
    if "date" in {left, right} and (left if right == "date" else right).startswith("interval"):
        return on_date(call)
    if call.kind(0) == "date" and call.kind(1) in DAYS:
        return Fix(kind="date")
    if call.name in "*/":
        return scaled(call)
    return in_calendar(call) if call.zoned else None


def _check(call: Call) -> None:
    """Raise for types that do not go together, where the engine would compute something."""
    left, right = call.kind(0), call.kind(1)
    families = {family(left), family(right)} - {""}
    if call.name in "+-" and families == {"times", "numbers"}:
        days = call.operands[1 if family(left) == "times" else 0]  # the engine may have another type for a column
        if days.value is not None and days.kind not in DAYS:
            raise unexpected("date_add", 2, '"INT" or "SMALLINT" or "TINYINT"', days.kind)
    elif len(families) > 1 or (call.name in "*/%" and families & {"times", "boolean"}) or _divides(call):
        raise mismatch(
            "BINARY_OP_DIFF_TYPES",
            f'The operator {call.name} has operands of incompatible types ("{left.upper()}" and "{right.upper()}").',
        )


def _with_time(call: Call) -> Fix:
    """A text less a time, or the other way round: the text is a time of the same type."""
    at, kind = (1, call.kind(1)) if call.kind() == "string" else (2, call.kind())
    cast = f"CAST(${at} AS {kind})"
    if kind == "date":
        return Fix(DAYS_APART.replace(f"${at}", cast), "interval day")
    made = difference(Call("-", (Operand(kind), Operand(kind)), zoned=call.zoned))
    template = made.template if made is not None else "($1 - $2)"
    return Fix(template.replace(f"${at}", cast), "interval day to second")


def _divides(call: Call) -> bool:
    """Whether something is divided by an interval."""
    return call.name == "/" and call.kind(1).startswith("interval")


def _with_text(call: Call) -> Fix | None:
    """Text beside an integer is a BIGINT, beside another number a DOUBLE."""
    other = next((operand.kind for operand in call.operands if operand.kind != "string"), "")
    kind = "bigint" if other in INTEGERS and call.name != "/" else "double"
    made = _arithmetic(Call(call.name, (Operand(kind), Operand(kind)), call.compared, deep=call.deep))
    casts = f"CAST($1 AS {kind})", f"CAST($2 AS {kind})"
    if made is None or not made.template:
        return Fix(f"({casts[0]} {call.name} {casts[1]})", kind)
    return Fix(made.template.replace("$1", casts[0]).replace("$2", casts[1]), kind)


def _of_floats(call: Call) -> Fix | None:
    """Two FLOATs stay FLOATs, except when divided."""
    same = call.kind(0) == call.kind(1)
    if same and (call.name != "/" or call.kind(0) == "double"):
        return Fix(kind=call.kind(0))
    return Fix(f"({call.cast(1, 'DOUBLE')} {call.name} {call.cast(2, 'DOUBLE')})", "double")


def _of_integers(call: Call) -> Fix | None:
    kind = wider(call.kind(0), call.kind(1))
    if call.name == "/":
        return Fix(kind="double")
    if call.name == "%" or _is_small(call):
        return Fix(kind=kind)
    wide = WIDE[kind]
    return Fix(_checked(f"CAST(({call.cast(1, wide)} {call.name} {call.cast(2, wide)}) AS {kind})", kind, call), kind)


def _is_small(call: Call) -> bool:
    """Whether the operands are literals whose result certainly fits."""
    return all(
        one.number is not None and one.kind in {"int", "bigint"} and abs(one.number) < 10**4 for one in call.operands
    )


def _checked(text: str, kind: str, call: Call) -> str:
    """Compared with a constant, the cast would be moved to the constant, and never fail: the sign `&` keeps it."""
    return f"({text} & CAST(-1 AS {kind}))" if call.compared else text


def _negation(call: Call) -> Fix | None:
    kind = call.kind()
    if kind == "string":
        return Fix("(- CAST($1 AS DOUBLE))", "double")
    if kind not in INTEGERS:
        return Fix(kind=kind) if is_number(kind) else None
    return Fix(_checked(f"CAST((- {call.cast(1, WIDE[kind])}) AS {kind})", kind, call), kind)


def _sum(call: Call) -> Fix | None:
    if call.kind() == "bigint":
        around = _checked("CAST($0 AS BIGINT)", "BIGINT", call)
        return Fix(kind="bigint", inner={1: f"CAST($0 AS {SUMMED})"}, around=around)
    if is_of_clock(call.kind()):
        micros = MICROS.format("+", "$0")
        return Fix(kind=SPAN, inner={1: f"CAST({micros} AS {SUMMED})"}, around=of_micros("$0"))
    return sum_of_decimals(call.kind()) if call.kind().startswith("decimal") else None


RULES = {
    **dict.fromkeys("+-*/%", Rule(_arithmetic, None, strict=True)),
    "negative": Rule(_negation, None, strict=True),
    "sum": Rule(_sum, None, strict=True),
}
