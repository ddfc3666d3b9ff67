"""Checks that are wrong and known to be, by key, with the area that owns them (2026-11-28), to be emptied."""

from __future__ import annotations

KNOWN: dict[str, str] = {
    "errors: a field that there is not": "sql",
    "errors: a named argument that there is not": "sql",
    "errors: a column of another data frame": "readers",
    "errors: a join without common columns": "readers",
    "catalog: functions of the catalog object": "readers",
}
