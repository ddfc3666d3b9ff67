"""ALTER TABLE and COMMENT ON: what the table is afterwards, for Spark, for the catalog and for delta-rs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from deltalake import DeltaTable
from pyspark.errors import AnalysisException, PySparkException

from tests.workspace.compute.engine_support import Engine


def rows(frame: Any) -> list[tuple[Any, ...]]:
    return sorted(tuple(row) for row in frame.collect())


@pytest.fixture
def t(spark: Any, engine: Engine) -> Any:
    spark.sql("CREATE TABLE t (a INT, b STRING, s STRUCT<x: INT>)")
    spark.sql("INSERT INTO t VALUES (1, 'x', named_struct('x', 1)), (2, 'y', null)")
    return engine.data / "tables/main" / spark.catalog.currentDatabase() / "t"


def test_columns_are_added_and_moved_where_the_statement_says(spark: Any, t: Any) -> None:
    spark.sql("ALTER TABLE t ADD COLUMNS (c INT COMMENT 'new' AFTER a, d DOUBLE FIRST, s.y STRING)")
    spark.sql("ALTER TABLE t ALTER COLUMN b FIRST")
    assert spark.table("t").columns == ["b", "d", "a", "c", "s"]
    assert rows(spark.sql("SELECT b, a, c, s.x, s.y FROM t")) == [("x", 1, None, 1, None), ("y", 2, None, None, None)]
    assert DeltaTable(t).to_pyarrow_table().column_names == ["b", "d", "a", "c", "s"]


def test_comments_of_columns(spark: Any, t: Any) -> None:
    spark.sql("ALTER TABLE t ALTER COLUMN a COMMENT 'first'")
    spark.sql("COMMENT ON COLUMN t.b IS 'second'")
    assert [row.comment for row in spark.sql("DESCRIBE t").collect()] == ["first", "second", None]
    assert json.loads(DeltaTable(t).schema().to_json())["fields"][0]["metadata"] == {"comment": "first"}


def test_a_check_holds_for_rows_there_are_and_rows_to_come(spark: Any, t: Any) -> None:
    spark.sql("ALTER TABLE t ADD CONSTRAINT positive CHECK (a > 0)")
    with pytest.raises(PySparkException, match="DELTA_VIOLATE_CONSTRAINT_WITH_VALUES"):
        spark.sql("INSERT INTO t VALUES (-1, 'z', null)")
    spark.sql("ALTER TABLE t DROP CONSTRAINT positive")
    spark.sql("INSERT INTO t VALUES (-1, 'z', null)")
    assert spark.table("t").count() == 3


def test_columns_that_may_not_be_null(spark: Any, t: Any) -> None:
    spark.sql("ALTER TABLE t ALTER COLUMN a SET NOT NULL")
    with pytest.raises(PySparkException, match="NOT_NULL"):
        spark.sql("INSERT INTO t VALUES (null, 'z', null)")
    spark.sql("ALTER TABLE t ALTER COLUMN a DROP NOT NULL")
    spark.sql("INSERT INTO t VALUES (null, 'z', null)")
    assert spark.table("t").count() == 3


REFUSED = {
    "ALTER TABLE t ALTER COLUMN s SET NOT NULL": "DELTA_NEW_NOT_NULL_VIOLATION",
    "ALTER TABLE t ADD CONSTRAINT big CHECK (a > 1)": "DELTA_NEW_CHECK_CONSTRAINT_VIOLATION",
    "ALTER TABLE t DROP CONSTRAINT none": "DELTA_CONSTRAINT_DOES_NOT_EXIST",
    "ALTER TABLE t DROP COLUMN b": "DELTA_UNSUPPORTED_DROP_COLUMN",
    "ALTER TABLE t RENAME COLUMN b TO c": "DELTA_UNSUPPORTED_RENAME_COLUMN",
    "ALTER TABLE t ALTER COLUMN a TYPE BIGINT": "DELTA_UNSUPPORTED_ALTER_TABLE_CHANGE_COL_OP",
    "ALTER TABLE t ALTER COLUMN a SET DEFAULT 1": "WRONG_COLUMN_DEFAULTS_FOR_DELTA_FEATURE_NOT_ENABLED",
    "ALTER TABLE t ALTER COLUMN none COMMENT 'x'": "UNRESOLVED_COLUMN.WITH_SUGGESTION",
    "ALTER TABLE t ADD COLUMN n INT NOT NULL": "DELTA_OPERATION_NOT_ALLOWED",
    "ALTER TABLE t ADD COLUMN s.x INT": "FIELD_ALREADY_EXISTS",
    "ALTER TABLE t SET TBLPROPERTIES ('delta.columnMapping.mode' = 'id')": "COLUMN_MAPPING_MODE_CHANGE",
}


@pytest.mark.parametrize("statement", REFUSED)
def test_what_the_table_does_not_allow_leaves_it_as_it_is(spark: Any, t: Any, statement: str) -> None:
    with pytest.raises(PySparkException, match=REFUSED[statement]):
        spark.sql(statement)
    assert DeltaTable(t).version() == 1


def test_columns_are_renamed_and_dropped_with_column_mapping(spark: Any, t: Any) -> None:
    spark.sql("ALTER TABLE t SET TBLPROPERTIES ('delta.columnMapping.mode' = 'name')")
    spark.sql("ALTER TABLE t RENAME COLUMN b TO other")
    spark.sql("ALTER TABLE t DROP COLUMN s")
    spark.sql("INSERT INTO t VALUES (3, 'z')")
    spark.sql("UPDATE t SET other = 'w' WHERE a = 1")
    assert spark.table("t").columns == ["a", "other"]
    assert rows(spark.table("t")) == [(1, "w"), (2, "y"), (3, "z")]
    operations = [row.operation for row in spark.sql("DESCRIBE HISTORY t").collect()]
    assert operations[2:5] == ["DROP COLUMNS", "RENAME COLUMN", "SET TBLPROPERTIES"]


@pytest.mark.parametrize("feed", ["true", "false"])
def test_new_mapped_columns_are_not_those_that_were_renamed(spark: Any, t: Any, feed: str) -> None:
    named = f"'delta.columnMapping.mode' = 'name', 'delta.enableChangeDataFeed' = '{feed}'"
    spark.sql(f"ALTER TABLE t SET TBLPROPERTIES ({named})")
    for old, new in {"a": "a1", "b": "b1", "s.x": "x1"}.items():
        spark.sql(f"ALTER TABLE t RENAME COLUMN {old} TO {new}")
    spark.sql("ALTER TABLE t ADD COLUMNS (a STRING COMMENT 'new', s.x INT)")
    frame = spark.sql("SELECT 3 AS a1, 'n' AS b, array(named_struct('i', 7)) AS more")
    frame.write.mode("append").option("mergeSchema", True).saveAsTable("t")
    spark.sql(
        "MERGE WITH SCHEMA EVOLUTION INTO t USING (SELECT 2 AS a1, 'e' AS last) u ON t.a1 = u.a1 "
        "WHEN MATCHED THEN UPDATE SET *"
    )
    found = rows(spark.sql("SELECT a1, b1, s.x1, s.x, a, b, more[0].i, last FROM t"))
    assert found[0] == (1, "x", 1, None, None, None, None, None)
    assert found[1] == (2, "y", None, None, None, None, None, "e")
    assert found[2] == (3, None, None, None, None, "n", 7, None)
    assert spark.sql("DESCRIBE t").filter("col_name = 'a'").first().comment == "new"


DEPENDENT = {
    "RENAME COLUMN A TO z": "DELTA_CONSTRAINT_DEPENDENT_COLUMN_CHANGE",
    "DROP COLUMN a": "DELTA_CONSTRAINT_DEPENDENT_COLUMN_CHANGE",
    "RENAME COLUMN s.x TO z": "DELTA_CONSTRAINT_DEPENDENT_COLUMN_CHANGE",
    "DROP COLUMN s": "DELTA_CONSTRAINT_DEPENDENT_COLUMN_CHANGE",
    "RENAME COLUMN b TO z": "DELTA_GENERATED_COLUMNS_DEPENDENT_COLUMN_CHANGE",
    "DROP COLUMNS (b, g)": "DELTA_GENERATED_COLUMNS_DEPENDENT_COLUMN_CHANGE",
}
USED = (
    "a INT NOT NULL, b INT, s STRUCT<x: INT, y: INT>, g INT GENERATED ALWAYS AS (b + 1), CONSTRAINT c CHECK (a > s.x)"
)


def test_columns_that_others_use_keep_their_names_and_keys_go_with_their_columns(spark: Any, engine: Engine) -> None:
    spark.sql(f"CREATE TABLE p ({USED}, PRIMARY KEY (a)) TBLPROPERTIES ('delta.columnMapping.mode' = 'name')")
    spark.sql("CREATE TABLE child (k INT, FOREIGN KEY (k) REFERENCES p)")
    for change, condition in DEPENDENT.items():
        with pytest.raises(AnalysisException, match=condition):
            spark.sql(f"ALTER TABLE p {change}")
    records = [engine.catalog.table(f"main.{spark.catalog.currentDatabase()}.{name}") for name in ("p", "child")]
    assert [len(engine.catalog.constraints.of(record)) for record in records] == [1, 1]
    spark.sql("ALTER TABLE p RENAME COLUMN s.y TO w")
    spark.sql("ALTER TABLE p DROP CONSTRAINT c")
    spark.sql("ALTER TABLE p RENAME COLUMN a TO z")
    assert [engine.catalog.constraints.of(record) for record in records] == [[], []]


def test_keys_are_replaced_with_their_table_or_neither_is(spark: Any, engine: Engine) -> None:
    spark.sql("CREATE TABLE p (a INT NOT NULL, b INT NOT NULL, CONSTRAINT own PRIMARY KEY (a))")
    spark.sql("CREATE TABLE child (k INT, FOREIGN KEY (k) REFERENCES p)")
    schema = spark.catalog.currentDatabase()
    for definition in ("(a INT, b INT PRIMARY KEY)", "(b INT, PRIMARY KEY (a))", "AS SELECT 1 AS b"):
        with pytest.raises(PySparkException, match=r"refers to 'own'|UNRESOLVED_COLUMN"):
            spark.sql(f"CREATE OR REPLACE TABLE p {definition}")
    assert DeltaTable(engine.data / "tables/main" / schema / "p").version() == 0
    spark.sql("CREATE OR REPLACE TABLE p (A INT, c INT, PRIMARY KEY (A))")
    kept, foreign = [engine.catalog.constraints.of(engine.catalog.table(f"main.{schema}.{x}")) for x in ("p", "child")]
    assert (kept[0]["primary_key_constraint"]["name"], len(foreign)) == ("own", 1)
    spark.sql("ALTER TABLE child DROP FOREIGN KEY (K)")
    spark.sql("ALTER TABLE child DROP PRIMARY KEY IF EXISTS")
    spark.sql("CREATE OR REPLACE TABLE p (b INT PRIMARY KEY)")
    (key,) = engine.catalog.constraints.of(engine.catalog.table(f"main.{schema}.p"))
    assert key["primary_key_constraint"]["child_columns"] == ["b"]


def test_other_columns_meet_the_checks_of_the_table(spark: Any, t: Any) -> None:
    spark.sql("ALTER TABLE t ADD CONSTRAINT positive CHECK (a > 0)")
    violated, dependent = "DELTA_VIOLATE_CONSTRAINT_WITH_VALUES", "DELTA_CONSTRAINT_DEPENDENT_COLUMN_CHANGE"
    others = {"SELECT -1 AS a, 2 AS new": violated, "SELECT 2 AS new": dependent}
    for query, condition in others.items():
        with pytest.raises(PySparkException, match=condition):
            spark.sql(query).write.mode("overwrite").option("overwriteSchema", True).saveAsTable("t")
    assert DeltaTable(t).version() == 2


def test_a_table_is_renamed_with_its_data_its_keys_and_its_history(spark: Any, engine: Engine, t: Any) -> None:
    spark.sql("ALTER TABLE t ALTER COLUMN a SET NOT NULL")
    spark.sql("ALTER TABLE t ADD CONSTRAINT pk PRIMARY KEY (a)")
    spark.sql("ALTER TABLE t RENAME TO u")
    assert not spark.catalog.tableExists("t")
    assert spark.table("u").count() == 2
    assert DeltaTable(t.with_name("u")).version() == 2
    record = engine.catalog.table(f"main.{spark.catalog.currentDatabase()}.u")
    assert [list(one) for one in engine.catalog.constraints.of(record)] == [["primary_key_constraint"]]
    spark.sql("ALTER TABLE u DROP CONSTRAINT pk")
    assert engine.catalog.constraints.of(record) == []


def test_properties_are_set_and_unset(spark: Any, t: Any) -> None:
    spark.sql("ALTER TABLE t SET TBLPROPERTIES ('mine' = '1', 'yours' = '2')")
    spark.sql("ALTER TABLE t UNSET TBLPROPERTIES ('mine')")
    assert DeltaTable(t).metadata().configuration == {"yours": "2"}


def test_views_are_altered(spark: Any, t: Any) -> None:
    spark.sql("CREATE VIEW v AS SELECT a FROM t")
    spark.sql("ALTER VIEW v AS SELECT b FROM t")
    spark.sql("ALTER VIEW v RENAME TO w")
    assert rows(spark.table("w")) == [("x",), ("y",)]
    with pytest.raises(PySparkException, match="EXPECT_VIEW_NOT_TABLE"):
        spark.sql("ALTER VIEW t AS SELECT 1")


def test_a_table_is_made_with_keys_and_checks(spark: Any, engine: Engine) -> None:
    for start in ("CREATE TABLE", "CREATE OR REPLACE TABLE"):
        spark.sql(f"{start} p (id INT, v INT, CONSTRAINT pk PRIMARY KEY (id), CONSTRAINT c CHECK (v > (0)))")
    spark.sql("CREATE TABLE f (id INT PRIMARY KEY, p INT, CONSTRAINT fk FOREIGN KEY (p) REFERENCES p (id))")
    keys = engine.catalog.constraints
    record = engine.catalog.table(f"main.{spark.catalog.currentDatabase()}.f")
    assert sorted(next(iter(one)) for one in keys.of(record)) == ["foreign_key_constraint", "primary_key_constraint"]
    spark.sql("INSERT INTO p VALUES (1, 1)")
    for row, text in {"(null, 1)": "NOT_NULL", "(2, -1)": "DELTA_VIOLATE_CONSTRAINT_WITH_VALUES"}.items():
        with pytest.raises(PySparkException, match=text):
            spark.sql(f"INSERT INTO p VALUES {row}")
    assert rows(spark.table("p")) == [(1, 1)]
    with pytest.raises(PySparkException, match="refers to"):
        spark.sql("ALTER TABLE p DROP CONSTRAINT pk")
    spark.sql("ALTER TABLE p DROP CONSTRAINT pk CASCADE")
    assert [next(iter(one)) for one in keys.of(record)] == ["primary_key_constraint"]


def test_a_table_like_another_has_its_columns_and_no_rows(spark: Any, t: Any) -> None:
    spark.sql("CREATE TABLE u LIKE t")
    assert (spark.table("u").schema, spark.table("u").count()) == (spark.table("t").schema, 0)


@pytest.mark.parametrize("kind", ["SHALLOW", "DEEP"])
def test_a_clone_lives_on_without_its_source(spark: Any, t: Any, kind: str) -> None:
    spark.sql("DELETE FROM t WHERE a = 1")
    counts = spark.sql(f"CREATE TABLE u {kind} CLONE t VERSION AS OF 1").collect()[0].asDict()
    assert counts["source_num_of_files"] == 1
    assert counts["num_copied_files"] == (kind == "DEEP")
    spark.sql("DROP TABLE t")
    spark.sql("INSERT INTO u VALUES (3, 'z', null)")
    assert [row.a for row in spark.table("u").orderBy("a").collect()] == [1, 2, 3]
    assert [row.operation for row in spark.sql("DESCRIBE HISTORY u").collect()] == ["WRITE", "CLONE"]
    assert DeltaTable(t.with_name("u")).to_pyarrow_table().num_rows == 3


def test_column_mapping_from_the_start(spark: Any) -> None:
    properties = "TBLPROPERTIES ('delta.columnMapping.mode' = 'name')"
    spark.sql(f"CREATE TABLE m (a INT, b INT) {properties}")
    spark.sql(f"CREATE TABLE n {properties} AS SELECT 1 AS a, 2 AS b")
    spark.sql("INSERT INTO m VALUES (1, 2)")
    for name in ("m", "n"):
        spark.sql(f"ALTER TABLE {name} RENAME COLUMN b TO c")
        assert spark.table(name).collect()[0].asDict() == {"a": 1, "c": 2}


def test_a_clone_replaces_a_table_and_keeps_its_history(spark: Any) -> None:
    spark.sql("CREATE TABLE a (id INT) TBLPROPERTIES ('k' = 'v')")
    for number in range(3):
        spark.sql(f"INSERT INTO a VALUES ({number})")
    spark.sql("CREATE TABLE b DEEP CLONE a")
    done = spark.sql("CREATE OR REPLACE TABLE b SHALLOW CLONE a VERSION AS OF 1").collect()[0]
    assert (done.source_num_of_files, done.num_removed_files, done.num_copied_files) == (1, 2, 0)
    spark.sql("INSERT INTO b VALUES (9)")
    assert sorted(row.id for row in spark.table("b").collect()) == [0, 9]
    assert spark.table("a").count() == 3 and spark.sql("SELECT * FROM b@v0").count() == 3
    assert [row.operation for row in spark.sql("DESCRIBE HISTORY b").collect()] == ["WRITE", "CLONE", "CLONE"]
    with pytest.raises(AnalysisException, match="DELTA_TIMESTAMP_EARLIER_THAN_COMMIT_RETENTION"):
        spark.sql("CREATE TABLE c CLONE a TIMESTAMP AS OF '2020-01-01'")
    with pytest.raises(AnalysisException, match="DELTA_VERSION_NOT_FOUND"):
        spark.sql("CREATE TABLE c CLONE a VERSION AS OF 9")


def test_optimize_and_restore_say_what_they_did(spark: Any) -> None:
    spark.sql("CREATE TABLE t (id INT, s STRING)")
    for value in (1, 2):
        spark.sql(f"INSERT INTO t VALUES ({value}, 'x')")
    metrics = spark.sql("OPTIMIZE t ZORDER BY (id)").first().metrics
    assert (metrics.numFilesAdded, metrics.filesRemoved.totalFiles, metrics.partitionsOptimized) == (1, 2, 1)
    assert (metrics.zOrderStats.mergedFiles.num, metrics.numTableColumns) == (2, 2)
    again = spark.sql("OPTIMIZE t").first().metrics
    assert (again.numFilesAdded, again.filesAdded.min, again.zOrderStats) == (0, None, None)
    restored = spark.sql("RESTORE t TO VERSION AS OF 2").first().asDict()
    assert restored["num_of_files_after_restore"] == restored["num_restored_files"] == 2
    assert restored["num_removed_files"] == 1
    assert restored["removed_files_size"] == metrics.filesAdded.totalSize
    assert restored["table_size_after_restore"] == restored["restored_files_size"] == metrics.filesRemoved.totalSize


def test_columns_of_a_merged_schema_come_with_their_rows_or_not_at_all(spark: Any) -> None:
    def write(value: int, mode: str = "append") -> None:
        rows = spark.sql(f"SELECT {value} AS a, 7 AS b_{mode}")
        rows.write.mode(mode).option("mergeSchema", "true").saveAsTable("t")

    spark.sql("CREATE TABLE t (a INT, CONSTRAINT small CHECK (a < 5))")
    with pytest.raises(PySparkException, match="DELTA_VIOLATE_CONSTRAINT_WITH_VALUES"):
        write(9)
    assert spark.table("t").columns == ["a"]
    write(1)
    write(2, "overwrite")
    assert [tuple(row) for row in spark.table("t").collect()] == [(2, None, 7)]
    assert [row.operation for row in spark.sql("DESCRIBE HISTORY t").collect()] == ["WRITE", "WRITE", "CREATE TABLE"]
