"""Aggregates of numbers over windows: over a sliding frame, of the list of what is in it."""

from __future__ import annotations

from brickyard.workspace.compute.gateway.values.rules.aggregates import RULES as AGGREGATES
from brickyard.workspace.compute.gateway.values.rules.arithmetic import RULES as ARITHMETIC
from brickyard.workspace.compute.gateway.values.rules.model import Call, Fix, Rule
from brickyard.workspace.compute.gateway.values.rules.types import FLOATS, is_number

__all__ = ["RULES"]

SUM = "aggregate(l_, CAST(NULL AS DOUBLE), (a_, e_) -> coalesce(a_ + e_, e_))"
MEAN = f"({SUM} / CAST(nullif(size(l_), 0) AS DOUBLE))"
SQUARE = "((e_ - m_) * (e_ - m_))"
SQUARES = f"aggregate(l_, CAST(NULL AS DOUBLE), (a_, e_) -> coalesce(a_ + {SQUARE}, {SQUARE}))"
#: What is made of the squares, of samples and of whole populations.
SAMPLE = f"({SQUARES} / CAST(nullif(size(l_) - 1, 0) AS DOUBLE))"
POPULATION = f"({SQUARES} / CAST(size(l_) AS DOUBLE))"


#: The list, written as text where real lists would get mixed up.
LISTS = {
    "sliding": ("collect_list(CAST($1 AS DOUBLE))", "array_compact($0)"),
    "mixed": (
        "listagg(CAST(CAST($1 AS DOUBLE) AS STRING), ',')",
        "transform(split($0, ','), t_ -> CAST(t_ AS DOUBLE))",
    ),
}


def _spread(value: str) -> str:
    """A value of the list `l_` and its mean `m_`."""
    return f"get(transform(array({MEAN}), m_ -> {value}), 0)"


LISTED = {
    **dict.fromkeys(("sum", "try_sum"), SUM),
    **dict.fromkeys(("avg", "mean", "try_avg"), MEAN),
    **dict.fromkeys(("variance", "var_samp"), _spread(SAMPLE)),
    **dict.fromkeys(("stddev", "std", "stddev_samp"), _spread(f"sqrt({SAMPLE})")),
    "var_pop": _spread(POPULATION),
    "stddev_pop": _spread(f"sqrt({POPULATION})"),
}
#: The functions that are exact over numbers that are no DOUBLE.
EXACT = frozenset({"sum", "try_sum", "avg", "mean", "try_avg"})


def _over(call: Call) -> Fix | None:
    """Over any window, as over groups."""
    name = call.name.split()[0]
    rule = {**ARITHMETIC, **AGGREGATES}.get(name)
    return rule.make(Call(name, call.operands, call.compared)) if rule is not None else None


def _sliding(call: Call) -> Fix | None:
    (name, frame), kind = call.name.split(), call.kind()
    if kind not in FLOATS and (name in EXACT or not is_number(kind)):
        return _over(call)
    template, values = LISTS[frame]
    return Fix(template, "double", around=f"get(transform(array({values}), l_ -> {LISTED[name]}), 0)")


def _alone(_: Call) -> Fix | None:
    """Over groups, they are right."""
    return None


RULES = {
    **{name: Rule(_alone) for name in LISTED if name != "sum" and name not in AGGREGATES},
    **{f"{name} over": Rule(_over, (0,), strict=name == "sum") for name in LISTED},
    **{f"{name} {frame}": Rule(_sliding, (0,), strict=name == "sum") for name in LISTED for frame in LISTS},
}
