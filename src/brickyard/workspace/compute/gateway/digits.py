"""Literals of numbers that no type holds: the engine would cut their digits."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from brickyard.workspace.compute.gateway.errors import ARITHMETIC, SparkError

if TYPE_CHECKING:
    from brickyard.workspace.compute.gateway.sqltext import Token

__all__ = ["check_digits"]

MOST = 38


def check_digits(tokens: Iterable[Token]) -> None:
    """A number without exponent is a DECIMAL, which has 38 digits at most.

    Raises:
        SparkError: DECIMAL_PRECISION_EXCEEDS_MAX_PRECISION.
    """
    for token in tokens:
        if len(token.text) > MOST and token.kind == "NUMBER" and token.text.replace(".", "", 1).isdigit():
            digits = len(token.text.replace(".", "").lstrip("0"))
            if digits > MOST:
                text = f"Decimal precision {digits} exceeds max precision {MOST}."
                raise SparkError("DECIMAL_PRECISION_EXCEEDS_MAX_PRECISION", text, kind=ARITHMETIC, sql_state="22003")
