"""Data tests: what has to hold before anything is trained or scored with a table."""

from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


class DataTestFailed(Exception):
    """At least one data test failed; the message names every one of them."""


@dataclass(frozen=True)
class Check:
    """One condition that every row has to meet: `broken` counts the rows that do not."""

    name: str
    broken: str


def unique(key: str) -> Check:
    """No value of the key twice."""
    return Check(f"{key} is unique", f"count({key}) - count(DISTINCT {key})")


def not_null(column: str) -> Check:
    """No gaps."""
    return Check(f"{column} is not null", f"count_if({column} IS NULL)")


def between(column: str, low: float, high: float) -> Check:
    """Within the range, or null."""
    return Check(f"{column} is within {low} and {high}", f"count_if({column} < {low} OR {column} > {high})")


def run(table: DataFrame, checks: Sequence[Check], *, at_least: int) -> dict[str, int]:
    """Run all checks in one pass over the table.

    Returns:
        The number of rows that break each check; `rows` is the number of rows.

    Raises:
        DataTestFailed: A check is broken, or there are fewer than `at_least` rows.
    """
    measures = [F.expr(check.broken).alias(f"c{i}") for i, check in enumerate(checks)]
    row = table.agg(F.count("*").alias("rows"), *measures).first()
    found = {"rows": int(row["rows"])} | {check.name: int(row[f"c{i}"]) for i, check in enumerate(checks)}
    faults = [f"{name}: broken by {count} rows" for name, count in found.items() if name != "rows" and count]
    if found["rows"] < at_least:
        faults.insert(0, f"{found['rows']} rows, expected at least {at_least}")
    if faults:
        raise DataTestFailed("; ".join(faults))
    return found
