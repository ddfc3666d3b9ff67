"""Checks that are wrong and known to be, by key, with the area that owns them; the list of 2026-11-28, to be emptied."""

from __future__ import annotations

KNOWN: dict[str, str] = {
    "arrays, maps and structs: array(named_struct('a', 1), named_struct('a', 2)).a": "values",
    "JSON and variant: to_json(named_struct('t', timestamp'2024-01-01 00:00:00', 'd', date'2024-01-01'))": "values",
    "JSON and variant: typeof(parse_json('1'))": "values",
    "JSON and variant: cast(parse_json('\"x\"') AS STRING), to_json(to_variant_object(struct(1 AS a)))": "values",
    "string functions: regexp_count('Steven Jones', 'St(v|ph)en|o'), regexp_substr('a1b2', '[0-9]')": "values",
    "mathematical functions: bround(2.5), bround(3.5D), bround(25, -1)": "values",
    "mathematical functions: 3 / 2.0, 1.0 / 3": "values",
    "mathematical functions: 5 * 1.10": "values",
    "mathematical functions: rint(2.5)": "values",
    "mathematical functions: cast(1 AS DECIMAL(38, 10)) / 3": "values",
    "mathematical functions: decode(2, 1, 'a', 2, 'b', 'c')": "values",
    "SQL queries: percentiles": "sql",
    "SQL queries: regression": "sql",
    "SQL queries: unpivot": "sql",
    "SQL queries: unpivot with nulls": "sql",
    "SQL queries: union of types": "sql",
    "SQL queries: pipe syntax": "sql",
    "SQL queries: hints": "sql",
    "SQL queries: iff": "sql",
    "date and time functions: extract(DOW FROM date'2024-05-17'), extract(WEEK FROM date'2024-05-17'), date_part('YEAR', date'2024-05-17')": "values",
    "date and time functions: to_timestamp('17/05/2024 13:00', 'dd/MM/yyyy HH:mm'), try_to_timestamp('x'), try_to_date('x')": "values",
    "date and time functions: current_date() = to_date(current_timestamp()), now() = current_timestamp(), current_timezone()": "values",
    "date and time functions: tumbling windows": "values",
}
