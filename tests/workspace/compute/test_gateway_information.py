"""`information_schema`, and GRANT, REVOKE and SHOW GRANTS in SQL."""

from __future__ import annotations

from typing import Any

import pytest

from tests.workspace.compute.engine_support import Engine


@pytest.fixture(scope="module")
def engine(own_engine: Engine) -> Engine:
    """One of its own: its relations are about all that there is."""
    return own_engine


def rows(spark: Any, text: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in spark.sql(text).collect()]


def schema_of(spark: Any) -> str:
    name: str = spark.sql("SELECT current_schema()").collect()[0][0]
    return name


def test_tables_columns_and_views(spark: Any) -> None:
    schema = schema_of(spark)
    spark.sql("CREATE TABLE t (id BIGINT NOT NULL, price DECIMAL(10, 2) COMMENT 'in euros', name STRING)")
    spark.sql("CREATE VIEW v AS SELECT id FROM t")
    here = f"WHERE table_schema = '{schema}'"
    found = rows(spark, f"SELECT table_name, table_type FROM main.information_schema.tables {here} ORDER BY ALL")
    assert found == [("t", "MANAGED"), ("v", "VIEW")]
    columns = (
        "SELECT column_name, ordinal_position, is_nullable, full_data_type, data_type, numeric_precision,"
        f" numeric_scale, comment FROM information_schema.columns {here} AND table_name = 't' ORDER BY ordinal_position"
    )
    assert rows(spark, columns) == [
        ("id", 0, "NO", "bigint", "BIGINT", 19, 0, None),
        ("price", 1, "YES", "decimal(10,2)", "DECIMAL", 10, 2, "in euros"),
        ("name", 2, "YES", "string", "STRING", None, None, None),
    ]
    views = spark.table("main.information_schema.views").where(f"table_schema = '{schema}'")
    assert [(row.table_name, row.is_updatable) for row in views.collect()] == [("v", "NO")]
    joined = (
        "SELECT c.column_name FROM information_schema.columns c JOIN information_schema.tables t"
        f" USING (table_catalog, table_schema, table_name) {here} AND table_type = 'VIEW'"
    )
    assert rows(spark, joined) == [("id",)]


def test_catalogs_and_schemata_of_all_catalogs(spark: Any, engine: Engine) -> None:
    schema = schema_of(spark)
    found = rows(spark, "SELECT catalog_name FROM system.information_schema.catalogs ORDER BY 1")
    assert {("dev",), ("main",)} <= set(found)
    mine = f"SELECT catalog_name, schema_owner FROM system.information_schema.schemata WHERE schema_name = '{schema}'"
    assert rows(spark, mine) == [("main", engine.catalog.schema(f"main.{schema}").owner)]
    assert rows(spark, "SELECT * FROM dev.information_schema.information_schema_catalog_name") == [("dev",)]


def test_what_there_is_not(spark: Any) -> None:
    from pyspark.errors import AnalysisException

    with pytest.raises(AnalysisException, match="TABLE_OR_VIEW_NOT_FOUND"):
        spark.sql("SELECT * FROM main.information_schema.nothing").collect()
    with pytest.raises(AnalysisException, match="CATALOG"):
        spark.sql("SELECT * FROM nowhere.information_schema.tables").collect()
    with pytest.raises(Exception, match="TABLE_OR_VIEW_NOT_FOUND"):
        spark.sql("DELETE FROM main.information_schema.tables")


def test_grants_in_sql(spark: Any, engine: Engine) -> None:
    schema = schema_of(spark)
    spark.sql("CREATE TABLE t (i INT)")
    spark.sql("GRANT SELECT, MODIFY ON TABLE t TO `account users`")
    spark.sql(f"GRANT USE SCHEMA ON SCHEMA {schema} TO `account users`")
    found = rows(spark, "SHOW GRANTS `account users` ON TABLE t")
    assert ("account users", "SELECT", "TABLE", f"main.{schema}.t") in found
    assert ("account users", "USE SCHEMA", "SCHEMA", f"main.{schema}") in found
    spark.sql("REVOKE MODIFY ON t FROM `account users`")
    privileges = {row[1] for row in rows(spark, "SHOW GRANTS ON t")}
    assert "SELECT" in privileges and "MODIFY" not in privileges
    granted = (
        "SELECT grantee, privilege_type, inherited_from FROM information_schema.table_privileges"
        f" WHERE table_schema = '{schema}' AND inherited_from = 'NONE'"
    )
    assert rows(spark, granted) == [("account users", "SELECT", "NONE")]
    with pytest.raises(Exception, match="not applicable"):
        spark.sql("GRANT USE CATALOG ON TABLE t TO `account users`")
    with pytest.raises(Exception, match="PRINCIPAL_DOES_NOT_EXIST"):
        spark.sql("GRANT SELECT ON TABLE t TO `nobody@nowhere`")
