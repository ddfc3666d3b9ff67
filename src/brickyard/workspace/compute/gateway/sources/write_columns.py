"""Columns of CSV files as texts: all at once where nothing in them needs quotes, else value by value."""

from __future__ import annotations

import re
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from brickyard.workspace.compute.gateway.sources.write_values import SPACES, CsvRow, text_of

__all__ = ["csv_column"]

#: Types that Arrow writes as Spark does.
SAME = frozenset({"byte", "short", "integer", "long", "boolean", "date", "string"})


def csv_column(values: pa.Array, kind: Any, row: CsvRow, zone: ZoneInfo) -> pa.Array:
    """The texts of a column, with quotes where they need them."""
    plain = None if row.all_quoted else _plain(values, kind.typeName(), row, zone)
    if plain is not None:
        return pc.fill_null(plain, row.null)
    write = text_of(kind, zone)
    texts = (None if value is None else write(value) for value in values.to_pylist())
    return pa.array([row.value(text) for text in texts], pa.string())


def _plain(values: pa.Array, name: str, row: CsvRow, zone: ZoneInfo) -> pa.Array | None:
    """The texts, if none of them needs quotes."""
    if name in SAME:
        texts = pc.cast(values, pa.string())
    elif name == "timestamp" and zone.key == "UTC":
        texts = pc.strftime(pc.cast(values, pa.timestamp("ms", "UTC"), safe=False), "%Y-%m-%dT%H:%M:%SZ")
    else:
        return None
    if name == "string" and row.trims_left:
        texts = pc.utf8_ltrim(texts, SPACES)
    if name == "string" and row.trims_right:
        texts = pc.utf8_rtrim(texts, SPACES)
    special = "|".join(re.escape(sign) for sign in (row.separator, row.quote, "\n", "\r") if sign)
    if pc.any(pc.match_substring_regex(texts, special), min_count=0).as_py():
        return None
    return pc.if_else(pc.equal(texts, ""), row.empty, texts)
