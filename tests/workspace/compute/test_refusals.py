"""What the engine cannot do is refused by name, with what to use instead, and never answered wrongly."""

from __future__ import annotations

from typing import Any

import pytest
from pyspark.errors import PySparkException

STATEMENTS = (
    "SELECT ai_query('m', 'x')",
    "SELECT h3_longlatash3(1D, 2D, 3)",
    "SELECT * FROM vector_search(index => 'i', query => 'q')",
    "SELECT secret('scope', 'key')",
    "SELECT 'a' COLLATE UTF8_LCASE",
    "SELECT approx_top_k(id) FROM range(3)",
    "SELECT TRANSFORM(id) USING 'cat' FROM range(2)",
    "CREATE TABLE refused (a INT) USING org.example.other",
    "SELECT * FROM parquet.`s3://bucket/key`",
    "SELECT * FROM csv.`abfss://box@account.dfs.core.windows.net/key`",
    "SELECT * FROM counted(TABLE(t) PARTITION BY id)",
    "CREATE STREAMING TABLE refused AS SELECT 1 AS a",
    "CREATE MATERIALIZED VIEW refused AS SELECT 1 AS a",
)


@pytest.mark.parametrize("statement", STATEMENTS)
def test_a_statement_is_refused_by_name(client: Any, statement: str) -> None:
    with pytest.raises(PySparkException) as raised:
        client.sql(statement).collect()
    assert raised.value.getCondition() == "UNSUPPORTED_BY_ENGINE", str(raised.value)
    assert "sail" in str(raised.value)


CALLS = {
    "streams": lambda spark: spark.readStream.format("rate").load().writeStream.format("console").start(),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_call_is_refused_by_name(client: Any, name: str) -> None:
    with pytest.raises(PySparkException) as raised:
        CALLS[name](client)
    assert raised.value.getCondition() == "UNSUPPORTED_BY_ENGINE", str(raised.value)
