"""Aggregate functions: largest and smallest values in Spark's order, sums and means of decimals in Spark's types.

Sail passes over NaN in groups, and begins them at the largest finite number; inside of structs and arrays, its nulls
are the largest values (0.7.2).
"""

from __future__ import annotations

from brickyard.workspace.compute.gateway.errors import unsupported
from brickyard.workspace.compute.gateway.values.rules.calendar import MICROS
from brickyard.workspace.compute.gateway.values.rules.intervals import SPAN, is_of_clock, of_micros
from brickyard.workspace.compute.gateway.values.rules.model import Call, Fix, Operand, Rule, need_order, unexpected
from brickyard.workspace.compute.gateway.values.rules.texts import quoted, written
from brickyard.workspace.compute.gateway.values.rules.types import FLOATS, Decimal, fields, inside, is_number

__all__ = ["RULES", "mean_of_decimals", "sum_of_decimals"]

#: The largest finite value of each type, as SQL.
FINITE = {"double": "1.7976931348623157E308D", "float": "CAST(3.4028234663852886E38D AS FLOAT)"}
MOST = 38
#: The digits that a sum has more than its terms, and those that a mean has more after the point.
SUMMED, AVERAGED = 10, 4
NULLS = (
    "[UNSUPPORTED_BY_ENGINE] The engine cannot find the largest or smallest ARRAY among arrays with nulls. Replace the "
    "nulls by coalesce() in transform()."
)
NANS = (
    "[UNSUPPORTED_BY_ENGINE] The engine has no place for NaN in median() and percentile(). Leave it out with WHERE NOT "
    "isnan(...), or use percentile_approx()."
)
TOO_LARGE = (
    "[ARITHMETIC_OVERFLOW] Overflow in sum of decimals. Use 'try_sum' to tolerate overflow and return NULL instead."
)


def _extreme(call: Call) -> Fix | None:
    """`max` and `min` of one value."""
    kind = call.kind()
    if kind in FLOATS:
        return _of_floats(kind, call.name == "max")
    if kind.startswith(("array<", "struct<")):
        return Fix(kind=kind, inner={1: _comparable(kind, "$0")}, around=_restored(kind, "$0"))
    need_order(call.name, [kind])
    return Fix(kind=kind) if kind else None


def _of_floats(kind: str, largest: bool) -> Fix:
    """NaN is the largest value: while they are compared, it is infinite, and infinity the largest number."""
    infinite, nan = (f"CAST('{name}' AS {kind})" for name in ("Infinity", "NaN"))
    finite = FINITE[kind]
    inner = f"CASE WHEN isnan($0) THEN {infinite} WHEN $0 = {infinite} THEN {finite} ELSE $0 END"
    above = f"WHEN $0 = {infinite} THEN {nan} WHEN $0 = {finite} THEN {infinite}"
    below = f" WHEN $0 = - {finite} THEN - {infinite}" if largest else ""
    return Fix(kind=kind, inner={1: f"({inner})"}, around=f"(CASE {above}{below} ELSE $0 END)")


def _comparable(kind: str, value: str) -> str:
    """A value whose nulls come first: each is preceded by whether it is there."""
    if kind.startswith("array<"):
        if "<" in inside(kind):
            raise unsupported(f"max and min of {kind.upper()}", "Compare the elements, or the array's text.")
        error = f"CAST(raise_error({quoted(NULLS)}) AS {kind})"
        return f"if(exists({value}, e_ -> isnull(e_)), {error}, {value})"
    if kind.startswith("struct<"):
        parts = [
            f"'n{at}', isnotnull({value}.`{field}`), 'v{at}', {_comparable(one, f'{value}.`{field}`')}"
            for at, (field, one) in enumerate(_fields(kind))
        ]
        return f"if(isnull({value}), NULL, named_struct({', '.join(parts)}))"
    return value


def _restored(kind: str, value: str) -> str:
    """The value that was made comparable, as it was."""
    if kind.startswith("struct<"):
        parts = [
            f"{quoted(field.replace('``', '`'))}, {_restored(one, f'{value}.v{at}')}"
            for at, (field, one) in enumerate(_fields(kind))
        ]
        return f"if(isnull({value}), NULL, named_struct({', '.join(parts)}))"
    return value


def _fields(kind: str) -> list[tuple[str, str]]:
    return [(name.replace("`", "``"), one) for name, one in fields(kind)]


def sum_of_decimals(kind: str) -> Fix | None:
    """A sum of more than 38 digits is an error."""
    of = Decimal.of(kind)
    assert of is not None
    made = Decimal(min(of.precision + SUMMED, MOST), of.scale)
    if of.precision + SUMMED <= MOST:
        return Fix(kind=str(made))
    largest = "9" * made.whole + ("." + "9" * made.scale if made.scale else "")
    error = f"CAST(raise_error({quoted(TOO_LARGE)}) AS {made})"
    return Fix(kind=str(made), around=f"(CASE WHEN abs($0) > {largest} THEN {error} ELSE $0 END)")


def mean_of_decimals(call: Call) -> Fix | None:
    """A mean of decimals has four digits more after the point; the engine cuts what Spark rounds."""
    if is_of_clock(call.kind()):
        mean = mean_of_decimals(Call(call.name, (Operand("decimal(19,0)"),)))
        assert mean is not None
        micros = f"CAST({MICROS.format('+', '$0')} AS DECIMAL(19,0))"
        return Fix(
            kind=SPAN, inner={1: mean.inner[1].replace("$0", micros)}, around=of_micros(f"round({mean.around}, 0)")
        )
    of = Decimal.of(call.kind()) if call.kind().startswith("decimal") else None
    if of is None:
        return Fix(kind="double") if call.name in {"avg", "mean"} and is_number(call.kind()) else None
    if of.scale + AVERAGED >= MOST:
        raise unsupported(f"{call.name} of a DECIMAL of more than 33 digits after the point", "Round its values.")
    made = Decimal(min(of.precision + AVERAGED, MOST), of.scale + AVERAGED)
    longer = Decimal(min(made.precision + 1, MOST), of.scale + 1 if made.precision == MOST else made.scale + 1)
    return Fix(kind=str(made), inner={1: f"CAST($0 AS {longer})"}, around=f"CAST($0 AS {made})")


def _listed(call: Call) -> Fix | None:
    """Over a window, the engine keeps nulls."""
    return Fix(around="array_compact($0)")


def _joined(call: Call) -> Fix | None:
    """The values as text."""
    kind = call.kind()
    if kind.startswith(("array<", "map<", "struct<")):
        raise unexpected(call.name, 1, '"STRING" or "BINARY"', kind)
    inner = {2: "''"} if call.kind(1) == "void" else {}  # nothing between them
    if kind not in {"", "string", "binary", "void"}:
        inner[1] = written(kind, "$0") or "CAST($0 AS STRING)"
    return Fix(kind="string", inner=inner) if inner else None


def _middle(call: Call) -> Fix | None:
    """The engine has NaN anywhere among the others, and takes each value once."""
    if len(call.operands) > 2 and call.operands[2].number != 1:
        raise unsupported(f"{call.name} with numbers of how often values count", "Repeat the rows, with explode().")
    if call.kind() not in FLOATS:
        return Fix(kind="double", inner={1: "CAST($0 AS DOUBLE)"}) if call.kind() == "string" else None
    error = f"CAST(raise_error({quoted(NANS)}) AS {call.kind()})"
    return Fix(inner={1: f"(CASE WHEN isnan($0) THEN {error} ELSE $0 END)"})


def _best(call: Call) -> Fix | None:
    """`max_by` and `min_by`: by structs too, whose nulls come first."""
    if len(call.operands) > 2:
        raise unsupported(f"{call.name} of several values", "Use slice(array_sort(collect_list(struct(...))), 1, n).")
    by = call.kind(1)
    need_order(call.name, [by])
    return Fix(inner={2: _comparable(by, "$0")}) if by.startswith(("array<", "struct<")) else None


RULES = {
    **dict.fromkeys(("max_by", "min_by"), Rule(_best, (1,))),
    **dict.fromkeys(("collect_list", "array_agg", "collect_set"), Rule(_listed)),
    **dict.fromkeys(("listagg", "string_agg"), Rule(_joined, (0,))),
    **dict.fromkeys(("max", "min"), Rule(_extreme, (0,))),
    **dict.fromkeys(("median", "percentile"), Rule(_middle, (0,))),
    # the engine has the two sides the other way round, which shows where one of them has one value only
    "regr_r2": Rule(lambda call: Fix("regr_r2($2, $1)", "double", grouped=True) if len(call.operands) == 2 else None),
    **dict.fromkeys(("avg", "mean", "try_avg"), Rule(mean_of_decimals, (0,))),
}
