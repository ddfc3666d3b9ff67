"""`name@version` in data frames."""

from __future__ import annotations

from typing import Any

import pytest

from brickyard.workspace.compute.gateway.errors import SparkError
from brickyard.workspace.compute.gateway.travel import at, split_at


def test_a_version_and_a_time_are_options() -> None:
    assert split_at("main.s.t@v12") == ("main.s.t", {"versionAsOf": "12"})
    assert split_at("t@20240131123045678") == ("t", {"timestampAsOf": "2024-01-31 12:30:45.678"})
    assert split_at("`a@v1`") == ("`a@v1`", {})
    with pytest.raises(SparkError, match="'@yesterday'"):
        at("yesterday")


def test_tables_are_read_as_they_were(spark: Any) -> None:
    spark.range(2).write.saveAsTable("grown")
    spark.range(3).write.mode("append").saveAsTable("grown")
    assert [spark.read.table(f"grown@v{version}").count() for version in (0, 1)] == [2, 5]
    for query in ("SELECT * FROM grown@29990101000000000", "SELECT * FROM grown TIMESTAMP AS OF '2999-01-01'"):
        with pytest.raises(Exception, match="DELTA_TIMESTAMP_GREATER_THAN_COMMIT"):
            spark.sql(query).collect()
