"""Checks that are wrong and known to be, by key, with the area that owns them (2026-11-28), to be emptied."""

from __future__ import annotations

KNOWN: dict[str, str] = {
    "arrays, maps and structs: array(named_struct('a', 1), named_struct('a', 2)).a": "values",
    "JSON and variant: to_json(struct(timestamp'2024-01-01 00:00:00' AS t))": "values",
    "JSON and variant: typeof(parse_json('1'))": "values",
    "JSON and variant: cast(parse_json('\"x\"') AS STRING)": "values",
    "string functions: regexp_count('Steven Jones', 'St(v|ph)en|o')": "values",
    "mathematical functions: bround(2.5)": "values",
    "mathematical functions: 3 / 2.0": "values",
    "mathematical functions: 1.0 / 3": "values",
    "mathematical functions: 5 * 1.10": "values",
    "mathematical functions: rint(2.5)": "values",
    "mathematical functions: cast(1 AS DECIMAL(38, 10)) / 3": "values",
    "date and time functions: extract(DOW FROM date'2024-05-17')": "values",
    "date and time functions: current_timezone()": "values",
    "date and time functions: tumbling windows": "values",
    "Delta tables: not null": "delta",
    "Delta tables: check constraint": "delta",
    "Delta tables: vacuum too early": "delta",
    "Delta tables: time travel by time": "delta",
    "errors: a field that there is not": "sql",
    "errors: an aggregate in group by": "sql",
    "errors: a window function without an order": "sql",
    "errors: a position in group by that there is not": "sql",
    "errors: a position in order by that there is not": "sql",
    "errors: a named argument that there is not": "sql",
    "errors: a column of another data frame": "readers",
    "errors: a join without common columns": "readers",
    "errors: an error of the user's": "values",
}
