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
    "SELECT * FROM range(2) a LEFT JOIN range(3) b ON (a.id IN (SELECT null)) IS NULL",
    "SELECT a + b FROM VALUES (1, 2) t(a, b) GROUP BY GROUPING SETS ((a + b), (b + a))",
    "WITH RECURSIVE w(n) AS (SELECT 0D UNION ALL SELECT n + rand(5) FROM w WHERE n < 2) SELECT * FROM w",
    "CREATE TABLE refused (a INT) USING org.example.other",
    "SELECT * FROM parquet.`s3://bucket/key`",
    "SELECT * FROM csv.`abfss://box@account.dfs.core.windows.net/key`",
    "SELECT * FROM counted(TABLE(t) PARTITION BY id)",
    "CREATE STREAMING TABLE refused AS SELECT 1 AS a",
    "SELECT x.m FROM range(2) AS a, LATERAL (SELECT row_number() OVER (ORDER BY v) AS m FROM VALUES (1, 2) AS u (k, v) "
    "WHERE k = a.id) AS x",
    "SELECT m FROM range(2) AS a, LATERAL (SELECT max(v) AS m FROM VALUES (1, 2), (2, 3) AS u (k, v) WHERE k < a.id)",
    "SELECT id FROM range(2) AS a WHERE 1 IN (SELECT row_number() OVER (ORDER BY v) FROM VALUES (1, 2) AS u (k, v) "
    "WHERE k = a.id)",
    "CREATE MATERIALIZED VIEW refused AS SELECT 1 AS a",
    "SELECT percentile(x, 0.5, n) FROM VALUES (1D, 2), (3D, 1) t(x, n)",
    "SELECT typeof(INTERVAL '1' DAY)",
    "SELECT CAST(1.5 AS INTERVAL DAY)",
    "SELECT CAST(X'00' AS GEOMETRY(4326))",
    "SELECT array(st_geomfromwkb(X'0101000000000000000000F03F0000000000000040'))",
)


@pytest.mark.parametrize("statement", STATEMENTS)
def test_a_statement_is_refused_by_name(client: Any, statement: str) -> None:
    with pytest.raises(PySparkException) as raised:
        client.sql(statement).collect()
    assert raised.value.getCondition() == "UNSUPPORTED_BY_ENGINE", str(raised.value)
    assert "sail" in str(raised.value)


CALLS = {
    "exists of a total": lambda spark: spark.range(1).where(spark.range(0).agg({"id": "max"}).exists()).collect(),
    "NaN in a median": lambda spark: spark.sql("SELECT median(x) FROM VALUES (1D), (double('NaN')) t(x)").collect(),
    "blanks in CSV": lambda spark: spark.sql("SELECT from_csv('1, x', 'a INT, b STRING')").collect(),
    "large numbers as texts": lambda spark: spark.sql("SELECT format_number(1e23D, 2)").collect(),
    "streams": lambda spark: spark.readStream.format("rate").load().writeStream.format("console").start(),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_call_is_refused_by_name(client: Any, name: str) -> None:
    with pytest.raises(PySparkException) as raised:
        CALLS[name](client)
    assert raised.value.getCondition() == "UNSUPPORTED_BY_ENGINE", str(raised.value)


def test_columns_of_two_tables_of_one_name_are_refused_and_with_aliases_found(client: Any) -> None:
    for schema, number in (("twin_a", 1), ("twin_b", 2)):
        client.sql(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        client.sql(f"CREATE OR REPLACE TABLE {schema}.twin AS SELECT {number} AS id")
    where = "twin_a.twin WHERE EXISTS (SELECT 1 FROM twin_b.twin"
    with pytest.raises(PySparkException, match="Give each table an alias"):
        client.sql(f"SELECT * FROM {where} WHERE twin_b.twin.id = twin_a.twin.id)").collect()
    aliased = where.replace("twin WHERE", "twin a WHERE").replace("twin_b.twin", "twin_b.twin b")
    assert client.sql(f"SELECT * FROM {aliased} WHERE b.id = a.id)").collect() == []
