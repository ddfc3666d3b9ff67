"""Literals of intervals as the engine reads them: `INTERVAL 1 DAY 2 HOURS` is `INTERVAL '1 day 2 hours'`.

Source: https://docs.databricks.com/aws/en/sql/language-manual/data-types/interval-type
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from brickyard.workspace.compute.gateway.sqltext import Token

__all__ = ["UNITS", "spelled"]

UNITS = frozenset({"year", "month", "week", "day", "hour", "minute", "second", "millisecond", "microsecond"})


def spelled(tokens: Sequence[Token]) -> Iterator[tuple[int, int, str]]:
    """Where an interval has several units, or a plus sign, and what stands there for the engine."""
    for at, token in enumerate(tokens):
        if token.text.upper() != "INTERVAL" or token.is_quoted:
            continue
        parts, end = _parts(tokens, at + 1)
        if len(parts) > 1:
            yield token.start, tokens[end - 1].end + 1, f"INTERVAL '{' '.join(parts)}'"
        elif tokens[at + 1 : at + 2] and tokens[at + 1].text == "+":
            yield tokens[at + 1].start, tokens[at + 1].end + 1, ""


def _parts(tokens: Sequence[Token], at: int) -> tuple[list[str], int]:
    """The numbers with their units, and the place after them."""
    parts: list[str] = []
    while True:
        signed = at < len(tokens) and tokens[at].kind in {"DASH", "PLUS"}
        number, unit = [*tokens[at + signed : at + signed + 2], None, None][:2]
        if number is None or unit is None or number.kind not in {"NUMBER", "STRING"} or unit.is_quoted:
            return parts, at
        name = unit.text.lower().removesuffix("s")
        digits = number.text.strip().removeprefix("-")
        if name not in UNITS or not digits.replace(".", "", 1).isdigit():
            return parts, at
        negative = (signed and tokens[at].kind == "DASH") != number.text.strip().startswith("-")
        parts.append(f"{'-' if negative else ''}{digits} {name}")
        at += signed + 2
