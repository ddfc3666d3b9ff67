"""Operands that a correction uses more than once, evaluated once and written once.

An expression that contains calls is bound to the variable of a lambda function over an array: what is random has one
value then, and nested corrections grow with their depth instead of its power. The null in the array tells the engine
that the variable may be null, about which it contradicts itself otherwise. Columns and short arithmetic are repeated,
which costs nothing: the engine finds them and computes them once.

Sail moves a filter with lambda functions down into the reading of files, also through the column that is computed with
them, and fails there: `No field named "?table?".tags` (0.7.2). What is random stays where it is, so such expressions
are made to look random where they may be moved.
"""

from __future__ import annotations

import re
from collections.abc import Collection

__all__ = ["GENERATORS", "LAMBDAS", "LONGEST", "STILL", "bound", "has_lambda", "repeated", "still"]

#: Functions that take lambda functions.
LAMBDAS = frozenset({"aggregate", "array_sort", "exists", "filter", "forall", "map_filter", "reduce", "transform"})
#: Functions that make rows: no filter is moved through them.
GENERATORS = frozenset(
    {"explode", "explode_outer", "posexplode", "posexplode_outer", "inline", "inline_outer", "stack"}
)
#: Around an expression that is to stay where it is.
STILL = "if(rand() >= 0, $0, NULL)"

#: Characters of SQL that may be repeated.
LONGEST = 200
PLACEHOLDER = re.compile(r"\$([0-9])")


def repeated(template: str) -> frozenset[int]:
    """The numbers of the operands that a template uses more than once."""
    found = [int(number) for number in PLACEHOLDER.findall(template)]
    return frozenset(number for number in found if found.count(number) > 1)


def bound(template: str, heavy: Collection[int]) -> str:
    """The template with its heavy operands, by their numbers, written once."""
    for number in sorted(repeated(template) & frozenset(heavy)):
        name = f"bound{number}_"
        template = f"get(transform(array(${number}, NULL), {name} -> {template.replace(f'${number}', name)}), 0)"
    return template


def has_lambda(template: str) -> bool:
    """Whether a template has a lambda function."""
    return "->" in template


def still(template: str) -> str:
    """The template, which stays where it is if it has a lambda function."""
    return STILL.replace("$0", template) if has_lambda(template) else template
