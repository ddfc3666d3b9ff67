"""What is corrected: a rule for each function and operator, on types, the same for SQL and for data frames."""

from brickyard.workspace.compute.gateway.values.rules import (
    aggregates,
    arithmetic,
    casts,
    conditions,
    formats,
    intervals,
    jsons,
    numbers,
    others,
    rounding,
    sliding,
    strings,
    times,
    words,
)
from brickyard.workspace.compute.gateway.values.rules.model import Call, Fix, Operand, Rule

__all__ = ["RULES", "Call", "Fix", "Operand", "Rule"]

#: The rules by name of the function, in lower case, or sign of the operator.
RULES: dict[str, Rule] = {
    **aggregates.RULES,
    **arithmetic.RULES,
    **casts.RULES,
    **conditions.RULES,
    **formats.RULES,
    **intervals.RULES,
    **jsons.RULES,
    **numbers.RULES,
    **others.RULES,
    **rounding.RULES,
    **sliding.RULES,
    **words.RULES,
    **strings.RULES,
    **times.RULES,
}
