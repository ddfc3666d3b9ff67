"""Checks that are wrong and known to be, by key, with the area that owns them (2026-11-28), to be emptied."""

from __future__ import annotations

KNOWN: dict[str, str] = {
    "Delta tables: not null": "delta",
    "Delta tables: check constraint": "delta",
    "errors: a field that there is not": "sql",
    "errors: a named argument that there is not": "sql",
    "errors: a column of another data frame": "readers",
    "errors: a join without common columns": "readers",
    "catalog: properties unset": "delta",
    "catalog: functions of the catalog object": "readers",
    "paths: a base path": "readers",
}
