"""`format_string` and `printf`: Sail writes decimals without their point, doubles as Rust does, and nulls as false."""

from __future__ import annotations

import re

from brickyard.workspace.compute.gateway.errors import unsupported
from brickyard.workspace.compute.gateway.values.rules.model import Call, Fix, Rule
from brickyard.workspace.compute.gateway.values.rules.texts import text_of
from brickyard.workspace.compute.gateway.values.rules.types import FLOATS, INTEGERS

__all__ = ["RULES"]

#: A conversion: the number of its argument, flags with width and precision, and its letter.
CONVERSION = re.compile(r"%(?:(\d+)\$)?([-#+ 0,(]*\d*(?:\.\d+)?)([a-zA-Z%])")
TIMES = {"date": "unix_date", "timestamp": "unix_micros"}


def _formatted(call: Call) -> Fix | None:
    kinds = [operand.kind for operand in call.operands[1:]]
    pattern = call.operands[0].value
    if pattern is None:
        if all(kind in INTEGERS or kind == "string" for kind in kinds):
            return None
        raise unsupported(
            f"{call.name} of other types than INT and STRING with a format that is no literal", "Cast them."
        )
    inner: dict[int, str] = {}
    for number, letter in _conversions(pattern):
        text = _argument(kinds[number - 1], letter) if number <= len(kinds) else ""
        if text:
            inner[number + 1] = text
    return Fix(kind="string", inner=inner)


def _conversions(pattern: str) -> list[tuple[int, str]]:
    """The numbers of the arguments with the letters of their conversions."""
    found, next_number = [], 1
    for number, _, letter in CONVERSION.findall(pattern):
        if letter in "%n":
            continue
        found.append((int(number) if number else next_number, letter.lower()))
        next_number += not number
    return found


def _argument(kind: str, letter: str) -> str:
    """An argument as its conversion needs it; empty if it is right."""
    if letter == "s" and kind in TIMES:  # as Spark keeps them
        return f"coalesce(CAST({TIMES[kind]}($0) AS STRING), 'null')"
    if letter == "s" and kind == "timestamp_ntz":
        raise unsupported("%s of a TIMESTAMP_NTZ", "Use date_format().")
    if letter == "s" and kind != "string":
        return f"coalesce({text_of(kind, '$0') or 'CAST($0 AS STRING)'}, 'null')"
    if letter in "feg" and kind.startswith("decimal"):
        return "CAST($0 AS DOUBLE)"
    if letter == "d" and (kind in FLOATS or kind.startswith("decimal")):
        raise unsupported("%d of a number with a point", "Use %s or %f, or cast it to BIGINT.")
    return ""


RULES = dict.fromkeys(("format_string", "printf"), Rule(_formatted, None))
