"""The rows of CSV before pandas reads them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

__all__ = ["csv_rows"]


def csv_rows(body: bytes) -> Iterator[list[str]]:
    """The rows that are not blank, whatever the length of their values.

    Raises:
        UnicodeDecodeError: The body is no UTF-8.
    """
    text = body.decode()
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))  # one for the process; the body's size has its own
    records = csv.reader(io.StringIO(text, newline=""))
    return (record for record in records if len(record) > 1 or "".join(record).strip())
