"""Numbers of CSV that end the process that reads them.

pandas counts the exponent of a number in an `int`, which overflows from ten digits on, and reads far outside of a
table then (pandas issue 63089; 2.3 has it).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Set
from itertools import chain

from brickyard.scoring.online.csv_rows import csv_rows

__all__ = ["has_long_exponent"]

_LONG = re.compile(rb"[eE][+-]?[0-9]{10}")
_NUMBER = re.compile(r"\s*[+-]?[0-9.,]+[eE][+-]?([0-9]{10,}).*", re.DOTALL)
_MOST = 2**31 - 1


def has_long_exponent(body: bytes, texts: Set[str]) -> bool:
    """Whether a body of CSV has such a number.

    Args:
        body: The body.
        texts: The columns that are read as text, where such a value is none.
    """
    if not _LONG.search(body):
        return False
    try:
        numbers = filter(None, map(_NUMBER.fullmatch, _values(body, texts)))
        return any(int(number[1][:4000]) > _MOST for number in numbers)
    except UnicodeDecodeError:  # refused before pandas sees it
        return False


def _values(body: bytes, texts: Set[str]) -> Iterator[str]:
    """All values that may be read as numbers; where rows have an index, which has no name, all that there are."""
    rows = csv_rows(body)
    header, first = next(rows, []), next(rows, [])
    known = {header.index(name) for name in texts if name in header} if len(first) == len(header) else set()
    for row in chain([first], rows):
        yield from (value for place, value in enumerate(row) if place not in known)
