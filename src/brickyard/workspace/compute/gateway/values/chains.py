"""Long chains of integer arithmetic in an expression of a plan: not each step is cast back to the integer type.

A message has at most a hundred levels, and a step that is cast back takes six of them. Where a chain has so many steps,
its first results stay decimals of the type's digits, and only the last one is an integer. A step that leaves the
integer's range, but not its number of digits, then is no error if the chain comes back into it.
"""

from __future__ import annotations

import re
from typing import Any

__all__ = ["opened", "without_cast"]

#: So many steps of a chain are cast back.
STEPS = 4
KINDS = ("tinyint", "smallint", "int", "bigint")
WIDE = re.compile(r"DECIMAL\(\d+, ?0\)\Z")
SUM = re.compile(r"\) [+-] (TRY_)?CAST\(")
OPERAND = r"(TRY_)?CAST\(\${} AS DECIMAL\(\d+,0\)\)"


def without_cast(template: str, number: int) -> str:
    """The template of a sum or a difference that takes an operand as it is: a decimal."""
    return re.sub(OPERAND.format(number), f"${number}", template)


def opened(template: str, number: int, message: Any) -> Any | None:
    """What is cast back in an operand.

    Args:
        template: That of the step that has the operand.
        number: The number of the operand.
        message: The operand.

    Returns:
        An expression of a decimal; None if it is no step of a chain, or of a short one.
    """
    if not re.search(OPERAND.format(number), template) or not SUM.search(template):
        return None
    step = message
    if step.unresolved_function.function_name == "&" and len(step.unresolved_function.arguments) == 2:
        step = step.unresolved_function.arguments[0]
    if step.cast.type_str.lower() not in KINDS or _steps(message) <= STEPS:
        return None
    return step.cast.expr if _is_sum(step.cast.expr) else None


def _is_sum(message: Any) -> bool:
    """Whether it is arithmetic on integers that are cast to decimals."""
    if message.HasField("cast"):
        return WIDE.match(message.cast.type_str) is not None
    operands = message.unresolved_function.arguments
    return (
        message.unresolved_function.function_name in {"+", "-", "*"}
        and len(operands) == 2
        and all(map(_is_sum, operands))
    )


def _steps(message: Any) -> int:
    """How many casts to integers are inside, one in another."""
    from brickyard.workspace.compute.gateway.values.expressions import children

    inside = max((_steps(child) for child in children(message)), default=0)
    return inside + (message.cast.type_str.lower() in KINDS)
