"""If/else conditions: https://docs.databricks.com/jobs/if-else.html ."""

from __future__ import annotations

import operator
from collections.abc import Callable
from decimal import Decimal, InvalidOperation

from brickyard.workspace.compute.tasks import TaskOutcome
from brickyard.workspace.jobs.kinds.base import Faulty, Finished, Prepared, Start
from brickyard.workspace.jobs.records import Json
from brickyard.workspace.jobs.references import resolve

__all__ = ["Condition"]

_TEXT: dict[str, Callable[[str, str], bool]] = {"EQUAL_TO": operator.eq, "NOT_EQUAL": operator.ne}
_NUMBERS: dict[str, Callable[[Decimal, Decimal], bool]] = {
    "GREATER_THAN": operator.gt,
    "GREATER_THAN_OR_EQUAL": operator.ge,
    "LESS_THAN": operator.lt,
    "LESS_THAN_OR_EQUAL": operator.le,
}


class Condition:
    """A comparison whose outcome decides which tasks after it run; equality compares text, the others numbers."""

    name = "condition_task"
    in_process = False
    survives = True

    def check(self, key: str, work: Json) -> None:
        """The vendor's own type says what a condition needs."""

    def prepare(self, start: Start) -> Prepared:
        """Compare; the outcome's result is `true` or `false`."""
        work = start.definition[self.name]
        left, right = (resolve(work[side], start.scope) for side in ("left", "right"))
        holds = _holds(work["op"], left, right)
        outcome = TaskOutcome("SUCCESS", result=str(holds).lower())
        return Prepared({self.name: {"left": left, "right": right}}, lambda: Finished(outcome))


def _holds(op: str, left: str, right: str) -> bool:
    if op in _TEXT:
        return _TEXT[op](left, right)
    return _NUMBERS[op](_number(left, op), _number(right, op))


def _number(text: str, op: str) -> Decimal:
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        number = Decimal("NaN")
    if number.is_nan():
        raise Faulty(f"The condition cannot be evaluated: {op} compares numbers, and {text!r} is none.")
    return number
