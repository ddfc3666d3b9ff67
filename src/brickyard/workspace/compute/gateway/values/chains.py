"""Long chains of integer arithmetic, in which not each step is cast back to the integer type.

Sail takes more than twice as long for each step that is: sums of a dozen columns would take seconds, of twenty, hours
(0.7.2). Where a chain has so many steps, its first results stay decimals of the type's digits, and only the last one
is an integer. A step that leaves the integer's range, but not its number of digits, then is no error if the chain comes
back into it.
"""

from __future__ import annotations

import re
from typing import Any

__all__ = ["opened_message", "opened_text", "without_cast"]

#: So many steps of a chain are cast back.
STEPS = 4
KINDS = ("tinyint", "smallint", "int", "bigint")
OPERAND = "CAST(${} AS DECIMAL("
WIDE = re.compile(r" AS DECIMAL\(\d+, ?0\)\Z")
SUM = re.compile(r"\) [+-] CAST\(")
LAST = " & CAST(-1 AS BIGINT)"


def without_cast(template: str, number: int) -> str:
    """The template of a sum or a difference that takes an operand as it is: a decimal."""
    return re.sub(rf"CAST\(\${number} AS DECIMAL\(\d+,0\)\)", f"${number}", template)


def opened_text(template: str, number: int, text: str) -> str | None:
    """What is cast back in the SQL of an operand.

    Args:
        template: That of the step that has the operand.
        number: The number of the operand.
        text: Its SQL.

    Returns:
        SQL of a decimal; None if it is no step of a chain, or of a short one.
    """
    if OPERAND.format(number) not in template or not SUM.search(template):
        return None
    step = _bare(text)
    step = _bare(step.removesuffix(LAST)) if step.endswith(LAST) else step
    kind = next((kind for kind in KINDS if step.endswith(f" AS {kind})")), None)
    if kind is None or text.count(f") AS {kind})") <= STEPS or not step.startswith("CAST(("):
        return None
    inner = step[len("CAST(") : -len(f" AS {kind})")]
    if _end(step, len("CAST(") - 1) != len(step) - 1 or _end(inner, 0) != len(inner) - 1:
        return None
    return inner if _is_step(_bare(inner)) else None


def _bare(text: str) -> str:
    while text.startswith("(") and _end(text, 0) == len(text) - 1:
        text = text[1:-1]
    return text


def _is_step(text: str) -> bool:
    """Whether it is `CAST(a AS DECIMAL(n,0)) + CAST(b AS DECIMAL(n,0))`, or such a step before it in parentheses."""
    start = len("CAST") if text.startswith("CAST(") else 0
    first = _end(text, start)
    rest = text[first + 1 :]
    known = WIDE.search(text[:first]) if start else _is_step(_bare(text[1:first]))
    return (
        bool(known)
        and rest[:8] in {" + CAST(", " - CAST(", " * CAST("}
        and _end(rest, 7) == len(rest) - 1
        and WIDE.search(rest[:-1]) is not None
    )


def _end(text: str, start: int) -> int:
    """Where the bracket at a place is closed; -1 if it is not."""
    depth = 0
    for at in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        if depth == 0:
            return at
    return -1


def opened_message(template: str, number: int, message: Any) -> Any | None:
    """The same for an operand in a plan."""
    if OPERAND.format(number) not in template or not SUM.search(template):
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
        return WIDE.search(f" AS {message.cast.type_str}") is not None
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
