"""Times in sessions of another zone than UTC, over the days on which clocks are changed."""

from __future__ import annotations

from typing import Any

from pyspark.sql import functions as F

from tests.conformance.model import At, Group

zones = Group("time zones")
ZONE = "spark.sql.session.timeZone"
STAMPS = "VALUES (timestamp'2024-07-01 00:00:00'), (timestamp'2024-07-01 03:00:00') AS t(ts)"
BEFORE = "timestamp'2024-03-09 12:00:00'"


def in_new_york(name: str, sql: str) -> None:
    """A query there, whose rows are what the reference engine answers."""

    def ask(spark: Any, at: At) -> Any:
        spark.conf.set(ZONE, "America/New_York")
        try:
            return spark.sql(sql).collect()
        finally:
            spark.conf.set(ZONE, "UTC")

    ask.__name__ = name.replace(" ", "_")
    zones.run(ask)


in_new_york("times compared with dates", f"SELECT ts, ts = DATE'2024-07-01', ts > DATE'2024-07-01' FROM {STAMPS}")
in_new_york("times among dates", f"SELECT ts FROM {STAMPS} WHERE ts BETWEEN DATE'2024-07-01' AND DATE'2024-07-01'")
in_new_york("times joined with dates", f"SELECT ts FROM {STAMPS} JOIN VALUES (DATE'2024-07-01') AS d(d) ON ts = d")
in_new_york(
    "days and hours later",
    f"SELECT {BEFORE} + INTERVAL 1 DAY, {BEFORE} + INTERVAL 24 HOURS, {BEFORE} - INTERVAL -1 DAY, INTERVAL 1 WEEK + "
    f"{BEFORE}, dateadd(DAY, 1, {BEFORE}), timestampadd(HOUR, 24, {BEFORE}), {BEFORE} + INTERVAL 1 MONTH",
)
in_new_york(
    "times apart",
    f"SELECT timestamp_ntz'2024-07-01 12:00:00' - timestamp'2024-07-01 12:00:00', {BEFORE} - DATE'2024-03-09', "
    f"datediff(HOUR, {BEFORE}, timestamp'2024-03-10 12:00:00'), timestampdiff(MONTH, timestamp'2024-06-30 22:00:00', "
    "timestamp'2024-07-31 01:00:00'), timestampdiff(MONTH, DATE'2024-06-30', timestamp'2024-07-29 23:00:00'), "
    "timestampdiff(YEAR, timestamp_ntz'2023-12-31 22:00:00', timestamp_ntz'2024-12-31 21:00:00')",
)

in_new_york(
    "times apart over a change of clocks",
    "SELECT a - b, b - a, a - DATE'2024-03-01', DATE'2024-03-12' + INTERVAL 3 HOURS, DATE'2024-03-10' + "
    "INTERVAL 3 HOURS, timestampdiff(HOUR, timestamp_ntz'2022-02-14 01:02:03', timestamp_ltz'2022-02-14 02:03:04') "
    f"FROM VALUES ({BEFORE}, timestamp'2024-03-11 12:00:00') t(a, b)",
)


@zones.run
def times_of_a_frame_compared_with_dates(spark: Any, at: At) -> Any:
    spark.conf.set(ZONE, "America/New_York")
    try:
        frame = spark.sql(f"SELECT ts, DATE'2024-07-01' AS d FROM {STAMPS}")
        same = frame.filter(F.col("ts") == F.col("d")).count(), frame.filter(F.col("ts").isin(F.col("d"))).count()
        return *same, frame.filter(F.col("ts").between(F.col("d"), F.col("d"))).count()
    finally:
        spark.conf.set(ZONE, "UTC")


zones.sql("a time less a date", f"SELECT {BEFORE} - DATE'2024-03-09', DATE'2024-03-10' - {BEFORE}")
