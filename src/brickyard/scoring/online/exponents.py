"""Numbers of CSV that end the process that reads them.

pandas counts the exponent of a number in an `int`, which overflows from ten digits on, and reads far outside of a
table then (pandas issue 63089; 2.3 has it).
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Set
from itertools import chain

__all__ = ["has_long_exponent"]

_LONG = re.compile(rb"[eE][+-]?[0-9]{10}")
_NUMBER = re.compile(r"\s*[+-]?[0-9.,]+[eE][+-]?[0-9]{10}.*", re.DOTALL)


def has_long_exponent(body: bytes, texts: Set[str]) -> bool:
    """Whether a body of CSV has such a number.

    Args:
        body: The body.
        texts: The columns that are read as text, where such a value is none.
    """
    if not _LONG.search(body):
        return False
    try:
        return any(map(_NUMBER.fullmatch, _values(body.decode(), texts)))
    except csv.Error:  # a value of more than 128 KiB
        return True
    except UnicodeDecodeError:  # refused before pandas sees it
        return False


def _values(body: str, texts: Set[str]) -> Iterator[str]:
    """All values that may be read as numbers; where rows have an index, which has no name, all that there are."""
    records = csv.reader(io.StringIO(body, newline=""))
    header, first = _next(records), _next(records)
    known = {header.index(name) for name in texts if name in header} if len(first) == len(header) else set()
    for record in chain([first], records):
        yield from (value for place, value in enumerate(record) if place not in known)


def _next(records: Iterator[list[str]]) -> list[str]:
    """The next row that is not blank."""
    return next((record for record in records if len(record) > 1 or "".join(record).strip()), [])
