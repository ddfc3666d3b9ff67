"""Literals of dates and timestamps as the engine reads them: `DATE 'today'` is a call, and blanks are left out.

Source: https://docs.databricks.com/aws/en/sql/language-manual/data-types/date-type
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from brickyard.workspace.compute.gateway.sqltext import Token

__all__ = ["has_moments", "moments"]

TYPES = frozenset({"DATE", "TIMESTAMP", "TIMESTAMP_LTZ", "TIMESTAMP_NTZ"})
#: What is no plain literal: it begins with a letter or a blank, or ends with a blank.
STRANGE = re.compile(r"(?i)\b(?:date|timestamp(?:_ntz|_ltz)?)\s*'(?:\s|\\|[a-z]|[^'\n]*(?:\s|\\[tnr])')")
BLANKS = re.compile(r"^(?:\s|\\[tnr])+|(?:\s|\\[tnr])+$")
DAYS = {
    "today": "current_date()",
    "tomorrow": "date_add(current_date(), 1)",
    "yesterday": "date_sub(current_date(), 1)",
}
DATES = {**DAYS, "now": "current_date()", "epoch": "DATE'1970-01-01'"}
TIMES = {**DAYS, "now": "current_timestamp()"}


def has_moments(sql: str) -> bool:
    """Whether there may be such literals."""
    return STRANGE.search(sql) is not None


def moments(tokens: Sequence[Token]) -> Iterator[tuple[int, int, str]]:
    """Where such literals are, and what stands there for the engine."""
    for kind, token in pairwise(tokens):
        if token.kind != "STRING" or kind.text.upper() not in TYPES or kind.is_quoted:
            continue
        text, name = BLANKS.sub("", token.text), kind.text.upper()
        made = _moment(name, text.lower())
        if made:
            yield kind.start, token.end + 1, made
        elif text != token.text:
            yield token.start, token.end + 1, f"'{text}'"


def _moment(kind: str, word: str) -> str:
    """What a word means; empty if it is none."""
    if kind == "DATE":
        return DATES.get(word, "")
    if word == "epoch":
        return "TIMESTAMP_NTZ'1970-01-01 00:00:00'" if kind == "TIMESTAMP_NTZ" else "timestamp_seconds(0)"
    return f"CAST({TIMES[word]} AS {kind.removesuffix('_LTZ')})" if word in TIMES else ""
