"""Conditions of which one keeps another from failing."""

from __future__ import annotations

from typing import Any

from pyspark.sql import functions as F

from tests.conformance.model import At, Group, rows

guards = Group("SQL conditions")
T = "VALUES (1, 2, '1'), (4, 2, '7'), (3, 0, 'x'), (5, null, '2'), (null, 0, 'y') AS t(a, b, s)"
for _clause in (
    "WHERE b <> 0 AND a / b > 1",
    "WHERE b = 0 OR a / b > 1",
    "WHERE a > 0 AND (b IS NULL OR b = 0 OR a % b = 0)",
    "WHERE s RLIKE '^[0-9]+$' AND CAST(s AS INT) > 1",
    "WHERE s < 'a' AND s::int > 1 AND NOT b / a > 1",
    "GROUP BY a, b HAVING sum(b) <> 0 AND sum(a) / sum(b) > 1",
):
    guards.sql(_clause, f"SELECT a, b FROM {T} {_clause}")


@guards.run
def filters_of_a_frame(spark: Any, at: At) -> Any:
    frame = spark.sql(f"SELECT * FROM {T}")
    a, b, s = F.col("a"), F.col("b"), F.col("s")
    filtered = (
        frame.where((b != 0) & (a / b > 1)),
        frame.where(b != 0).where(a / b > 1),
        frame.where("b <> 0").where("a / b > 1 AND a % b = 0"),
        frame.where("b <> 0 AND a / b > 1"),
        frame.where((b == 0) | (a / b > 1)),
        frame.where(s.rlike("^[0-9]+$")).where(s.cast("int") > 1),
        frame.where(s.rlike("^[0-9]+$")).filter((s.cast("int") > 1) & ((b == 0) | (a / b > 1))),
        frame.where(s < "a").where(F.expr("to_date(concat('2020-01-0', s))") > "2020-01-02"),
    )
    return [sorted(map(str, rows(one))) for one in filtered]
