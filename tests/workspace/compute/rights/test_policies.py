"""Row filters and column masks: each reader gets the rows and values that the functions give, by every way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from databricks.sdk.errors import InvalidParameterValue
from databricks.sdk.service.catalog import TableOperation
from pyspark.errors import PySparkException

from tests.workspace.compute.compute_support import Lab
from tests.workspace.compute.rights.rights import Person, fresh, refused, statement

API = "/api/2.1/unity-catalog/tables"


@pytest.fixture
def guarded(owner: Person, reader: Person, world: str) -> str:
    """A table of which the reader gets the rows of the US, without names; its owner gets all."""
    table, last = fresh(world), fresh(world).split(".")[2]
    allowed, shown = f"{world}.allowed_{last}", f"{world}.shown_{last}"
    for sql in (
        f"CREATE TABLE {world}.map_{last} AS SELECT 'US' AS region",
        f"CREATE FUNCTION {allowed}(r STRING) RETURNS BOOLEAN "
        f"RETURN is_account_group_member('admins') OR r IN (SELECT region FROM {world}.map_{last})",
        f"CREATE FUNCTION {shown}(v STRING, r STRING) RETURNS STRING "
        "RETURN CASE WHEN is_account_group_member('admins') THEN v ELSE r || ' of ' || current_user() END",
        f"CREATE TABLE {table} (id INT, name STRING MASK {shown} USING COLUMNS (region), region STRING) "
        f"WITH ROW FILTER {allowed} ON (region)",
        f"INSERT INTO {table} VALUES (1, 'Ada', 'EU'), (2, 'Bob', 'US')",
        f"GRANT SELECT, MODIFY ON TABLE {table} TO `{reader.name}`",
    ):
        owner.spark.sql(sql)
    return table


def test_readers_get_their_rows_and_values(
    owner: Person, reader: Person, guarded: str, world: str, warehouse: str
) -> None:
    mine = (2, f"US of {reader.name}", "US")
    view, copy = fresh(world), f"hive_metastore.default.{guarded.split('.')[2]}"
    owner.spark.sql(f"CREATE VIEW {view} AS SELECT * FROM {guarded}")
    owner.spark.sql(f"GRANT SELECT ON TABLE {view} TO `{reader.name}`")
    reader.spark.sql(f"CREATE TABLE {copy} AS SELECT * FROM {guarded}")
    for frame in (
        reader.spark.table(guarded),
        reader.spark.sql(
            f"SELECT t.id, name, {guarded}.region FROM {guarded} t".replace(f"{guarded}.region", "t.region")
        ),
        reader.spark.sql(f"WITH q AS (SELECT * FROM {guarded}) SELECT q.* FROM q JOIN {guarded} u ON q.id = u.id"),
        reader.spark.table(view),
        reader.spark.table(copy),
        reader.spark.table(guarded).filter("id > 0").select("id", "name", "region"),
    ):
        assert [tuple(row) for row in frame.collect()] == [mine]
    assert reader.spark.sql(f"SELECT 1 FROM {guarded} WHERE 1 / (id - 1) > 0").count() == 1  # hidden rows raise nothing
    assert statement(reader, warehouse, f"SELECT max(name), count(*) FROM {guarded}") == [[mine[1], "1"]]
    assert [tuple(row) for row in owner.spark.table(guarded).orderBy("id").collect()] == [
        (1, "Ada", "EU"),
        (2, "Bob", "US"),
    ]
    assert reader.spark.table(guarded).schema == owner.spark.table(guarded).schema


def test_nothing_goes_round_them(owner: Person, reader: Person, guarded: str, world: str) -> None:
    place = owner.w.tables.get(guarded).storage_location or ""
    ways: tuple[Callable[[], Any], ...] = (
        lambda: reader.spark.read.format("delta").load(place).collect(),
        lambda: owner.spark.sql(f"SELECT * FROM delta.`{place}`").collect(),
        lambda: reader.spark.read.parquet(f"{place}/*.parquet").collect(),
        lambda: reader.w.temporary_table_credentials.generate_temporary_table_credentials(
            operation=TableOperation.READ, table_id=owner.w.tables.get(guarded).table_id
        ),
        lambda: reader.spark.sql(f"ALTER TABLE {guarded} DROP ROW FILTER"),
        lambda: reader.spark.sql(f"ALTER TABLE {guarded} ALTER COLUMN name DROP MASK"),
        lambda: reader.w.api_client.do("PATCH", f"{API}/{guarded}", body={"row_filter": None}),
        lambda: reader.w.api_client.do("PATCH", f"{API}/{guarded}", body={"column_masks": {"name": None}}),
    )
    for way in ways:
        with refused():
            way()
    rows = reader.spark.createDataFrame([(3, "Cyd", "US")], "id INT, name STRING, region STRING")
    for act, condition in (
        (f"SELECT * FROM {guarded} VERSION AS OF 1", "ROW_LEVEL_SECURITY_FEATURE_NOT_SUPPORTED.TIME_TRAVEL"),
        (f"SELECT * FROM {guarded}@v1", "ROW_LEVEL_SECURITY_FEATURE_NOT_SUPPORTED.TIME_TRAVEL"),
        (f"SELECT * FROM table_changes('{guarded}', 0)", "UNSUPPORTED_BY_ENGINE"),
        (
            f"CREATE TABLE hive_metastore.default.mine DEEP CLONE {guarded}",
            "ROW_LEVEL_SECURITY_TABLE_CLONE_SOURCE_NOT_SUPPORTED",
        ),
        (f"ALTER TABLE {guarded} ADD CONSTRAINT c CHECK (id > 1)", "ROW_LEVEL_SECURITY_CHECK_CONSTRAINT_UNSUPPORTED"),
        (f"INSERT OVERWRITE {guarded} VALUES (1, 'a', 'US')", "UNSUPPORTED_BY_ENGINE"),
        (f"SHOW PARTITIONS {guarded}", "UNSUPPORTED_BY_ENGINE"),
        (f"ALTER TABLE {guarded} RENAME COLUMN name TO other", "UNSUPPORTED_BY_ENGINE"),
        (f"RESTORE TABLE {guarded} TO VERSION AS OF 1", "UNSUPPORTED_BY_ENGINE"),
    ):
        with pytest.raises(PySparkException, match=condition):
            reader.spark.sql(act).collect()
    with pytest.raises(PySparkException, match="TIME_TRAVEL"):
        reader.spark.read.option("versionAsOf", 1).table(guarded).collect()
    for write in (
        lambda: rows.write.mode("overwrite").saveAsTable(guarded),
        lambda: rows.writeTo(guarded).overwritePartitions(),
    ):
        with pytest.raises(PySparkException, match="UNSUPPORTED_BY_ENGINE"):
            write()
    rows.write.mode("append").saveAsTable(guarded)
    assert owner.spark.table(guarded).count() == 3


def test_the_pages_show_no_rows_of_it(lab: Lab, reader: Person, guarded: str) -> None:
    from brickyard.workspace.ui.data import table

    path = dict(zip(("catalog", "schema", "table"), guarded.split("."), strict=True))
    for principal in (lab.workspace.identity.principal_named(reader.name), lab.workspace.identity.owner):
        sample = table(lab.workspace, principal, path).values["sample"]
        assert sample.rows is None and "row filter" in sample.refused


def test_they_stay_with_the_table_and_are_told(owner: Person, reader: Person, guarded: str, world: str) -> None:
    found, last = owner.w.tables.get(guarded), guarded.split(".")[2]
    assert found.row_filter and found.row_filter.input_column_names == ["region"]
    masks = {one.name: one.mask.using_column_names for one in found.columns or [] if one.mask}
    assert masks == {"name": ["region"]}
    for relation, column in (("row_filters", "filter_col_usage"), ("column_masks", "mask_col_usage")):
        sql = f"SELECT {column} AS used FROM main.information_schema.{relation} WHERE table_name = '{last}'"
        assert [row.used for row in owner.spark.sql(sql).collect()] == ["region"]
    renamed = fresh(world)
    owner.spark.sql(f"ALTER TABLE {guarded} RENAME TO {renamed}")
    owner.spark.sql(f"DROP TABLE {renamed}")
    owner.spark.sql(f"UNDROP TABLE {renamed}")
    assert [row.id for row in reader.spark.table(renamed).collect()] == [2]
    owner.spark.sql(f"ALTER TABLE {renamed} DROP ROW FILTER")
    owner.spark.sql(f"ALTER TABLE {renamed} ALTER COLUMN name DROP MASK")
    assert sorted(row.name for row in reader.spark.table(renamed).collect()) == ["Ada", "Bob"]


def test_what_is_none_is_refused(owner: Person, reader: Person, guarded: str, world: str) -> None:
    function = owner.w.tables.get(guarded).row_filter
    assert function
    for sql, condition in (
        (f"ALTER TABLE {guarded} SET ROW FILTER {world}.none ON (region)", "ROUTINE_NOT_FOUND"),
        (f"ALTER TABLE {guarded} SET ROW FILTER {function.function_name} ON (region, id)", "WRONG_NUM_ARGS"),
        (f"ALTER TABLE {guarded} SET ROW FILTER {function.function_name} ON (none)", "UNRESOLVED_COLUMN"),
        (f"ALTER TABLE {guarded} ADD COLUMN more STRING MASK {world}.f", "UNSUPPORTED_BY_ENGINE"),
        (f"CREATE OR REPLACE TABLE {guarded} AS SELECT 1 AS id", "UNSUPPORTED_BY_ENGINE"),
        (f"CREATE OR REPLACE TABLE {guarded} CLONE {world}.t", "ROW_LEVEL_SECURITY_TABLE_CLONE_TARGET_NOT_SUPPORTED"),
    ):
        with pytest.raises(PySparkException, match=condition):
            owner.spark.sql(sql)
    checked, unsupported = fresh(world), "FEATURE_NOT_SUPPORTED.CHECK_CONSTRAINT"
    owner.spark.sql(f"CREATE TABLE {checked} (a INT, CONSTRAINT c CHECK (a > 0))")
    for act in (f"SET ROW FILTER {world}.f ON (a)", f"ALTER COLUMN a SET MASK {world}.f"):
        with pytest.raises(PySparkException, match=unsupported):
            owner.spark.sql(f"ALTER TABLE {checked} {act}")
    allowed = {"function_name": function.function_name, "input_column_names": ["a"]}
    masked = {"column_masks": {"a": {"function_name": function.function_name, "using_column_names": []}}}
    for table, body, why in (
        (checked, {"row_filter": allowed}, unsupported),
        (checked, masked, unsupported),
        (guarded, {"row_filter": allowed}, "has no column a"),
        (guarded, masked, "has no column a"),
        (guarded, {"row_filter": {**allowed, "input_column_names": ["region", "id"]}}, "takes 1 arguments"),
    ):
        with pytest.raises(InvalidParameterValue, match=why):
            owner.w.api_client.do("PATCH", f"{API}/{table}", body=body)
    owner.spark.sql(f"GRANT MANAGE ON TABLE {guarded} TO `{reader.name}`")
    other = {"row_filter": {"function_name": f"{world}.f", "input_column_names": ["id"]}}
    with refused("EXECUTE on"):
        reader.w.api_client.do("PATCH", f"{API}/{guarded}", body=other)
    owner.spark.sql(f"DROP FUNCTION {function.function_name}")
    with pytest.raises(PySparkException):
        reader.spark.table(guarded).collect()


def test_views_and_kept_rows_of_a_session_obey_the_rights_of_now(owner: Person, reader: Person, world: str) -> None:
    table, mask = fresh(world), fresh(world)
    volume = f"/Volumes/{world.replace('.', '/')}/files"
    for sql in (
        f"CREATE TABLE {table} AS SELECT 1 AS id, 'Ada' AS name UNION ALL SELECT 2, 'Bob'",
        f"CREATE FUNCTION {mask}(v STRING) RETURNS STRING RETURN '*'",
        f"GRANT SELECT ON TABLE {table} TO `{reader.name}`",
        f"GRANT READ VOLUME ON VOLUME {world}.files TO `{reader.name}`",
    ):
        owner.spark.sql(sql)
    spark = reader.spark
    kept = spark.table(table).filter("id > 0").cache()
    kept.createOrReplaceTempView("of_frame")
    spark.sql(f"CREATE TEMP VIEW of_text AS SELECT * FROM {table}")
    spark.sql("CREATE TEMP VIEW of_view AS SELECT id, name FROM of_text WHERE id > 0")
    spark.sql(f"CREATE TEMP VIEW of_files AS SELECT * FROM csv.`{volume}/a.csv`")
    spark.sql("CACHE TABLE of_view")
    spark.sql("CREATE GLOBAL TEMP VIEW of_rights AS SELECT * FROM of_view")
    reads: tuple[Callable[[], Any], ...] = (
        kept.collect,
        lambda: spark.table("of_frame").collect(),
        lambda: spark.sql("SELECT * FROM of_text").collect(),
        lambda: spark.sql("BEGIN EXECUTE IMMEDIATE 'SELECT * FROM of_' || 'view'; END").collect(),
        lambda: spark.table("global_temp.of_rights").collect(),
    )
    for read in reads:
        assert {row.name for row in read()} == {"Ada", "Bob"}
    assert spark.table("of_files").count() == 2
    owner.spark.sql(f"ALTER TABLE {table} ALTER COLUMN name SET MASK {mask}")
    for read in reads:
        assert {row.name for row in read()} == {"*"}
    owner.spark.sql(f"CREATE OR REPLACE FUNCTION {mask}(v STRING) RETURNS STRING RETURN '**'")
    assert {row.name for row in reads[-1]()} == {"**"}
    owner.spark.sql(f"REVOKE SELECT ON TABLE {table} FROM `{reader.name}`")
    owner.spark.sql(f"REVOKE READ VOLUME ON VOLUME {world}.files FROM `{reader.name}`")
    for read in (*reads, lambda: spark.table("of_files").collect(), lambda: spark.table("of_text").schema):
        with refused():
            read()
    spark.catalog.dropGlobalTempView("of_rights")
