"""Columns that are filled by themselves: what statements become, what tables ask for, and two writers at once."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from pyspark.errors import PySparkException
from pyspark.sql.types import IntegerType, LongType, StructField

from brickyard.workspace.compute.gateway import log
from brickyard.workspace.compute.gateway.commits import add_commit
from brickyard.workspace.compute.gateway.copies import through_copy
from brickyard.workspace.compute.gateway.creation import Definition, create
from brickyard.workspace.compute.gateway.errors import SparkError
from brickyard.workspace.compute.gateway.filling import Filled, by_name
from brickyard.workspace.compute.gateway.protocol import Protocol, features_in
from brickyard.workspace.compute.gateway.replacing import replace_by
from brickyard.workspace.compute.gateway.sqltext import Cursor
from brickyard.workspace.compute.gateway.statements.default_words import inserted_defaults
from brickyard.workspace.compute.gateway.statements.filled_changes import Target, spell_out
from brickyard.workspace.compute.gateway.statements.filled_merges import numbered, read_merge, without_stars
from brickyard.workspace.compute.gateway.statements.fillings import read_default, read_generated
from tests.workspace.compute.engine_support import Engine

FIELDS = {name: StructField(name, LongType() if name == "k" else IntegerType()) for name in ("a", "b", "c", "k")}
PLAIN = {"appendOnly", "invariants"}
FILLED = {
    "b": Filled("b", generated="a * 2"),
    "c": Filled("c", default="7"),
    "k": Filled("k", identity=True),
}
OTHERS = {name: column for name, column in FILLED.items() if name != "k"}


@pytest.mark.parametrize(
    ("features", "wanted"),
    [
        (["checkConstraints"], (1, 3, set())),
        (["columnMapping"], (2, 5, set())),
        (["generatedColumns"], (1, 7, PLAIN | {"generatedColumns"})),
        (
            ["checkConstraints", "identityColumns"],
            (1, 7, PLAIN | {"checkConstraints", "identityColumns"}),
        ),
        (
            ["allowColumnDefaults", "columnMapping"],
            (2, 7, PLAIN | {"allowColumnDefaults", "columnMapping"}),
        ),
    ],
)
def test_a_protocol_asks_for_no_more_than_its_features_need(features: list[str], wanted: Any) -> None:
    made = Protocol()
    for feature in features:
        made = made.supporting(feature)
    assert (made.reader, made.writer, set(made.writer_features)) == wanted
    assert set(features) <= made.features
    assert made.supporting(features[0]) is made


@pytest.mark.parametrize(
    "properties", [{"delta.feature.deletionVectors": "supported"}, {"delta.enableTypeWidening": "true"}]
)
def test_features_that_other_libraries_cannot_read_are_refused(properties: dict[str, str]) -> None:
    with pytest.raises(SparkError, match="UNSUPPORTED_BY_ENGINE"):
        features_in(properties)


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("VALUES (1, DEFAULT), (DEFAULT, 'DEFAULT')", "VALUES (1, (7)), (NULL, 'DEFAULT')"),
        ("SELECT DEFAULT, default FROM default.t", "SELECT NULL, (7) FROM default.t"),
        ("VALUES (1, 2)", "VALUES (1, 2)"),
    ],
)
def test_the_word_default_is_the_value_of_its_column(query: str, wanted: str) -> None:
    assert inserted_defaults(query, [("a", True), ("c", True)], FILLED) == wanted


def test_the_word_default_stands_alone_and_for_a_value() -> None:
    with pytest.raises(SparkError, match="DEFAULT_PLACEMENT_INVALID"):
        inserted_defaults("VALUES (1 + DEFAULT)", [("a", True)], FILLED)
    with pytest.raises(SparkError, match="NO_DEFAULT_COLUMN_VALUE_AVAILABLE"):
        inserted_defaults("VALUES (DEFAULT)", [("a", False)], FILLED)


def test_an_update_spells_out_what_is_generated() -> None:
    said = spell_out("UPDATE t SET a = 1, c = DEFAULT WHERE b > 0", Target(FIELDS, OTHERS))
    assert said == "UPDATE t SET a = 1, c = (7), `b` = CAST((CAST((1) AS int) * 2) AS int) WHERE b > 0"
    checked = spell_out("UPDATE t SET b = 5", Target(FIELDS, OTHERS))
    assert "CASE WHEN CAST((5) AS int) <=> CAST((`a` * 2) AS int)" in checked
    with pytest.raises(SparkError, match="IDENTITY_COLUMNS_UPDATE_NOT_SUPPORTED"):
        spell_out("UPDATE t SET k = 1", Target(FIELDS, FILLED))


def test_a_merge_spells_out_stars_and_what_is_left_out() -> None:
    merge = read_merge("MERGE INTO t USING (SELECT 1 a) u ON t.a = u.a WHEN NOT MATCHED THEN INSERT (a) VALUES (u.a)")
    said = spell_out(merge.sql, Target(FIELDS, FILLED, merge.target, {"k": "9"}))
    assert said.endswith("INSERT (a, `c`, `b`, `k`) VALUES (u.a, (7), CAST((CAST((u.a) AS int) * 2) AS int), 9)")
    assert "row_number() OVER (ORDER BY 1)" in numbered(merge)
    starred = read_merge("MERGE INTO t USING u ON t.a = u.a WHEN MATCHED THEN UPDATE SET *")
    with pytest.raises(SparkError, match="DELTA_MERGE_UNRESOLVED_EXPRESSION"):
        without_stars(starred, FIELDS, ["a", "b"], evolves=False)
    wanted = "UPDATE SET `a` = `u`.`a`, `b` = `u`.`B`"
    assert without_stars(starred, FIELDS, ["a", "B"], evolves=True).sql.endswith(wanted)


def test_definitions_are_read_to_their_ends() -> None:
    cursor = Cursor("5 IS NOT NULL NOT NULL COMMENT 'x'")
    assert read_default(cursor) == {"CURRENT_DEFAULT": "5 IS NOT NULL"}
    assert cursor.peek() == "NOT"
    assert read_generated(Cursor("ALWAYS AS (concat(a, ')'))")) == {"delta.generationExpression": "concat(a, ')')"}
    wanted = {"start": -5, "step": 2, "allowExplicitInsert": True}
    read = read_generated(Cursor("BY DEFAULT AS IDENTITY (INCREMENT BY 2, START WITH -5)"))
    assert read == {f"delta.identity.{key}": value for key, value in wanted.items()}


def test_who_is_not_first_counts_again_from_what_the_first_has_left(tmp_path: Path) -> None:
    place, staged, seen = tmp_path / "t", iter([tmp_path / "one", tmp_path / "two"]), []
    rules = {"delta.identity.start": 1, "delta.identity.step": 1, "delta.identity.allowExplicitInsert": False}
    create(place, Definition([{"name": "k", "type": "long", "nullable": True, "metadata": rules}], {}))

    def count(table: Path, by: int) -> None:
        found = log.read(table)
        mark = by_name(found.fields)["k"].mark or 0
        found.fields[0]["metadata"] |= {"delta.identity.highWaterMark": mark + by}
        add_commit(table, found.version + 1, [log.commit_info("WRITE", {}, found.version), found.action()])

    def work(copy: Path, found: log.Metadata) -> None:
        seen.append(by_name(found.fields)["k"].mark)
        if len(seen) == 1:
            count(place, 5)  # another writer
        count(copy, 2)

    through_copy(place, lambda: next(staged), work, plain=False, files=False)
    assert seen == [None, 5]
    assert by_name(log.read(place).fields)["k"].mark == 7
    assert not list(tmp_path.glob("[ot][nw]*"))


def test_two_writers_never_count_the_same(spark: Any, engine: Engine) -> None:
    schema = spark.catalog.currentDatabase()
    spark.sql("CREATE TABLE t (k BIGINT GENERATED ALWAYS AS IDENTITY, a INT, b INT GENERATED ALWAYS AS (a + 1))")
    sessions = [engine.client() for _ in range(3)]
    insert = f"INSERT INTO main.{schema}.t (a) VALUES (1), (2)"
    source = "(SELECT explode(sequence(10, 13)) AS a) u"
    merge = f"MERGE INTO main.{schema}.t USING {source} ON t.a = u.a WHEN NOT MATCHED THEN INSERT (a) VALUES (u.a)"
    with ThreadPoolExecutor(3) as pool:
        for done in [pool.submit(session.sql, text) for session in sessions for text in (insert, insert)]:
            done.result().collect()
    spark.sql(merge).collect()
    spark.sql(insert).collect()
    rows = spark.sql("SELECT k, a, b FROM t ORDER BY k").collect()
    assert [row.k for row in rows] == list(range(1, 19))
    assert all(row.b == row.a + 1 for row in rows)
    for session in sessions:
        session.stop()


@pytest.mark.parametrize("value", ["false", "true"])
def test_an_append_keeps_how_columns_are_filled_whatever_overwrite_schema_says(spark: Any, value: str) -> None:
    spark.sql("CREATE TABLE t (k BIGINT GENERATED ALWAYS AS IDENTITY, a INT NOT NULL)")
    before = spark.sql("SHOW CREATE TABLE t").collect()[0][0]
    spark.sql("SELECT 2 AS a").write.mode("append").option("overwriteSchema", value).saveAsTable("t")
    assert spark.sql("SHOW CREATE TABLE t").collect()[0][0] == before
    assert [row.operation for row in spark.sql("DESCRIBE HISTORY t").collect()] == ["WRITE", "CREATE TABLE"]


def test_other_libraries_read_such_tables_and_they_are_maintained(spark: Any, engine: Engine) -> None:
    defaults = "TBLPROPERTIES ('delta.feature.allowColumnDefaults' = 'supported')"
    spark.sql(f"CREATE TABLE t (a INT, d STRING DEFAULT 'x', b INT GENERATED ALWAYS AS (a + 1)) {defaults}")
    spark.sql("INSERT INTO t (a) VALUES (1)")
    spark.sql("INSERT INTO t (a) VALUES (2)")
    place = engine.data / "tables" / "main" / spark.catalog.currentDatabase() / "t"
    spark.sql("OPTIMIZE t")
    assert len(DeltaTable(place).file_uris()) == 1
    found = DeltaTable(place).to_pyarrow_table().sort_by("a").to_pylist()
    assert found == [{"a": 1, "d": "x", "b": 2}, {"a": 2, "d": "x", "b": 3}]
    spark.sql("TRUNCATE TABLE t")
    spark.sql("RESTORE TABLE t TO VERSION AS OF 1")
    assert spark.sql("SELECT a FROM t").collect() == [(1,)]
    rules = {field["name"]: field["metadata"] for field in json.loads(DeltaTable(place).schema().to_json())["fields"]}
    assert rules["b"] == {"delta.generationExpression": "a + 1"}


def test_a_table_is_replaced_in_one_commit(spark: Any) -> None:
    spark.sql("CREATE TABLE t AS SELECT 1 AS x")
    spark.sql("CREATE OR REPLACE TABLE t (a INT, CONSTRAINT small CHECK (a < 9)) TBLPROPERTIES ('my.key' = 'v')")
    assert [row.version for row in spark.sql("DESCRIBE HISTORY t").collect()] == [1, 0]
    assert spark.sql("SELECT * FROM t").collect() == []
    with pytest.raises(PySparkException, match="DELTA_VIOLATE_CONSTRAINT_WITH_VALUES"):
        spark.sql("INSERT INTO t VALUES (10)")


def test_a_table_that_is_made_of_itself_keeps_what_is_committed_meanwhile(tmp_path: Path) -> None:
    table, seen = tmp_path / "t", []

    def rows(place: Path) -> list[int]:
        return sorted(DeltaTable(place).to_pyarrow_table()["a"].to_pylist())

    def fill(new: Path) -> None:
        seen.append(rows(table))
        write_deltalake(new, pa.table({"a": [value + 10 for value in seen[-1]]}))
        if len(seen) == 1:
            write_deltalake(table, pa.table({"a": [2]}), mode="append")

    write_deltalake(table, pa.table({"a": [1]}))
    session: Any = SimpleNamespace(staged=lambda: tmp_path / f"new{len(seen)}")
    replace_by(session, table, fill, {})
    assert seen == [[1], [1, 2]]
    assert rows(table) == [11, 12]


def test_catalogs_show_how_columns_are_filled(spark: Any, engine: Engine) -> None:
    defaults = "TBLPROPERTIES ('delta.feature.allowColumnDefaults' = 'supported')"
    columns = "k BIGINT GENERATED BY DEFAULT AS IDENTITY (START WITH 3 INCREMENT BY 2), a INT DEFAULT 7"
    spark.sql(f"CREATE TABLE t ({columns}) {defaults}")
    schema = spark.catalog.currentDatabase()
    shown = spark.sql(
        "SELECT column_default, is_identity, identity_generation, identity_start, identity_increment "
        f"FROM information_schema.columns WHERE table_schema = '{schema}' ORDER BY ordinal_position"
    ).collect()
    assert [tuple(row) for row in shown] == [(None, "YES", "BY DEFAULT", "3", "2"), ("7", "NO", None, None, None)]
    text = spark.sql("SHOW CREATE TABLE t").collect()[0][0]
    spark.sql("DROP TABLE t")
    spark.sql(text)
    assert spark.sql("SHOW CREATE TABLE t").collect()[0][0] == text
    described = [tuple(row) for row in spark.sql("DESCRIBE EXTENDED t").collect()]
    assert described[-2:] == [("# Column Default Values", "", ""), ("a", "int", "7")]


def test_a_field_of_a_struct_is_not_taken_for_the_column_of_its_name(spark: Any) -> None:
    spark.sql("CREATE TABLE t (a INT, s STRUCT<a: BIGINT>, g INT GENERATED ALWAYS AS (a + 1))")
    spark.sql("INSERT INTO t (a, s) VALUES (1, named_struct('a', 2L))")
    spark.sql("UPDATE t SET s.a = 3000000000")
    spark.sql("UPDATE t AS x SET x.s.a = x.s.a + '1', x.a = 4")
    assert spark.table("t").first().asDict(recursive=True) == {"a": 4, "s": {"a": 3000000001}, "g": 5}
    spark.sql("CREATE TABLE u (s STRUCT<a: INT>, g INT GENERATED ALWAYS AS (s.a + 1))")
    with pytest.raises(PySparkException, match="Give the whole struct"):
        spark.sql("UPDATE u SET s.a = 5")
