"""Runs checks on an engine and says how each came out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from tests.conformance.checks import CHECKS
from tests.conformance.model import SPARK, At, Check, Fails
from tests.conformance.written import text, written

#: Errors that say that something is not supported, and by whom.
NAMED = ("UNSUPPORTED_BY_ENGINE",)
#: Each check's number, and what is added to it for the schema that the queries of a group share.
NUMBERS = {check.key: number for number, check in enumerate(CHECKS, 1)}
SHARED = 10_000


@dataclass(frozen=True)
class Outcome:
    """How a check came out.

    Attributes:
        verdict: `right`, `named` (an error that says what is not supported) or `WRONG`.
        found: What the engine answered.
        message: The text of the error, if it was one.
    """

    verdict: str
    found: Any
    message: str = ""


def answer(check: Check, spark: Any, at: At) -> tuple[Any, str]:
    """What an engine answers, in the form in which results are kept, and the text of an error."""
    try:
        if callable(check.code):
            result = check.code(spark, at)
        else:
            result = [spark.sql(statement) for statement in check.code][-1]
        return written(result, ordered=check.ordered, typed=check.typed), ""
    except Exception as error:
        return {"error": type(error).__name__, "condition": condition(error)}, str(error)


def condition(error: Exception) -> str:
    """The error class, without the part after the dot."""
    getter = getattr(error, "getCondition", None)
    name = (getter() if getter is not None else None) or ""
    return str(name).partition(".")[0]


def judged(check: Check, found: Any, message: str, reference: dict[str, Any]) -> Outcome:
    """Compare what an engine answered with what is expected."""
    if found == wanted(check, reference):
        return Outcome("right", found)
    if isinstance(found, dict) and found.get("condition") in NAMED:
        return Outcome("named", found, message)
    return Outcome("WRONG", found, message)


def wanted(check: Check, reference: dict[str, Any]) -> Any:
    """What is expected of a check."""
    if isinstance(check.expected, Fails):
        return {"error": check.expected.exception, "condition": check.expected.condition}
    if check.source != SPARK:
        if callable(check.code):
            return {"value": text(check.expected)}
        rows = [text(row) for row in check.expected]
        return {"rows": rows if check.ordered else sorted(rows)}
    return reference.get(check.key)


def run(
    checks: Iterable[Check], spark: Any, home: Callable[[int], At], reference: dict[str, Any]
) -> dict[str, Outcome]:
    """Run checks in a session, each in a schema of its own if it writes anything.

    Args:
        checks: The checks of one group, or all.
        spark: The session.
        home: Makes a schema and a directory of a number.
        reference: What is expected where it was recorded.
    """
    logging.getLogger("SQLQueryContextLogger").disabled = True
    logging.getLogger("DataFrameQueryContextLogger").disabled = True
    outcomes = {}
    groups: dict[str, list[Check]] = {}
    for check in checks:
        groups.setdefault(check.group, []).append(check)
    for of_group in groups.values():
        shared = home(SHARED + NUMBERS[of_group[0].key])
        for check in of_group:
            alone = callable(check.code) or len(check.code) > 1
            found, message = answer(check, spark, home(NUMBERS[check.key]) if alone else shared)
            outcomes[check.key] = judged(check, found, message, reference)
    return outcomes
