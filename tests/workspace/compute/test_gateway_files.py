"""Files that Spark reads and writes otherwise than Sail."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pyspark.errors import PySparkException


def test_types_are_those_that_spark_infers(spark: Any, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("i,big,at\n1,3000000000,2024-01-02 03:04:05\n")
    read = spark.read.csv(f"file:{tmp_path}/a.csv", header=True, inferSchema=True)
    assert read.dtypes == [("i", "int"), ("big", "bigint"), ("at", "timestamp")]
    assert read.select("i").first() == (1,)
    (tmp_path / "a.json").write_text('{"b":1,"a":{"d":[1],"c":"x"}}\n')
    objects = spark.read.json(f"file:{tmp_path}/a.json")
    assert objects.dtypes == [("a", "struct<c:string,d:array<bigint>>"), ("b", "bigint")]
    assert objects.first().asDict(recursive=True) == {"a": {"c": "x", "d": [1]}, "b": 1}


def test_null_partitions_are_null(spark: Any, tmp_path: Path) -> None:
    rows = spark.createDataFrame([(1, None, None), (2, 5, "x")], "id INT, p INT, q STRING")
    for kind in ("parquet", "json"):
        place = f"file:{tmp_path}/{kind}"
        rows.write.partitionBy("p", "q").format(kind).save(place)
        read = spark.read.format(kind).load(place)
        assert {name: type_ for name, type_ in read.dtypes if name != "id"} == {"p": "int", "q": "string"}
        assert [(row.id, row.p, row.q) for row in read.orderBy("id").collect()] == [(1, None, None), (2, 5, "x")]
        found = spark.sql(f"SELECT id, p, q FROM {kind}.`{place}` ORDER BY id").collect()
        assert [tuple(row) for row in found] == [(1, None, None), (2, 5, "x")]


def test_directories_inside_are_read_when_asked(spark: Any, tmp_path: Path) -> None:
    (tmp_path / "inside").mkdir()
    (tmp_path / "a.csv").write_text("1\n")
    (tmp_path / "inside/b.csv").write_text("2\n")
    assert spark.read.csv(f"file:{tmp_path}").count() == 1
    assert spark.read.csv(f"file:{tmp_path}", recursiveFileLookup=True).count() == 2


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("csv", {"unescapedQuoteHandling": "RAISE_ERROR"}),
        ("text", {"encoding": "ISO-8859-1"}),
        ("json", {"prefersDecimal": True}),
    ],
)
def test_options_that_would_be_ignored_are_refused(
    spark: Any, tmp_path: Path, kind: str, options: dict[str, Any]
) -> None:
    (tmp_path / "a").write_text("{}\n")
    with pytest.raises(PySparkException, match=r"UNSUPPORTED_BY_ENGINE.*option") as refused:
        spark.read.format(kind).options(**options).load(f"file:{tmp_path}/a").collect()
    assert next(iter(options)) in str(refused.value)
    with pytest.raises(PySparkException, match="dateFormat"):
        spark.range(1).write.csv(f"file:{tmp_path}/b", dateFormat="dd")


def test_texts_that_mean_null_and_white_space_are_taken_away(spark: Any, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,t\n 1 ,NA\nNA,b\n")
    read = spark.read.csv(f"file:{tmp_path}/a.csv", header=True, nullValue="NA", ignoreLeadingWhiteSpace=True)
    assert [tuple(row) for row in read.collect()] == [("1 ", None), (None, "b")]


def test_a_backslash_escapes_a_quote(spark: Any, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('1,"a\\"b"\n')
    assert spark.read.csv(f"file:{tmp_path}/a.csv").first() == ("1", 'a"b')


def test_which_files_were_copied_is_decided_with_their_rows(spark: Any, engine: Any, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("1\n2\n")
    (tmp_path / "b.csv").write_text("3\n")
    place = engine.data / "dbfs/copied"
    spark.sql("CREATE TABLE c (id INT) LOCATION 'dbfs:/copied'")
    copy = f"COPY INTO c BY POSITION FROM 'file:{tmp_path}' FILEFORMAT = CSV"
    assert tuple(spark.sql(copy).first()) == (3, 3, 0)
    commit = [json.loads(line) for line in (place / f"_delta_log/{1:020d}.json").read_text().splitlines()]
    marks = {action["txn"]["appId"] for action in commit if "txn" in action}
    assert marks == {f"copy-into:{(tmp_path / name).as_uri()}" for name in ("a.csv", "b.csv")}
    assert sum(json.loads(action["add"]["stats"])["numRecords"] for action in commit if "add" in action) == 3
    assert tuple(spark.sql(copy).first()) == (0, 0, 0)
    assert not (place / f"_delta_log/{2:020d}.json").exists()


def test_files_that_are_corrupt_are_counted(spark: Any, tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_text("nothing")
    spark.sql("CREATE TABLE c (id INT)")
    copy = f"COPY INTO c FROM 'file:{tmp_path}' FILEFORMAT = PARQUET FORMAT_OPTIONS ('ignoreCorruptFiles' = 'true')"
    assert tuple(spark.sql(copy).first()) == (0, 0, 1)
    with pytest.raises(PySparkException, match="COPY_INTO_SYNTAX_ERROR"):
        spark.sql(f"COPY INTO c FROM 'file:{tmp_path}' FILEFORMAT = PARQUET COPY_OPTIONS ('forced' = 'true')")
    with pytest.raises(PySparkException, match="CREDENTIAL"):
        spark.sql(f"COPY INTO c FROM 'file:{tmp_path}' WITH (CREDENTIAL c) FILEFORMAT = PARQUET")


def test_files_are_written_whole_or_not_at_all(spark: Any, tmp_path: Path) -> None:
    place = tmp_path / "out"
    rows = spark.createDataFrame([(1, "x"), (2, None), (3, "a b/c")], "id INT, p STRING")
    rows.coalesce(1).write.partitionBy("p").csv(f"file:{place}", header=True)
    names = {"p=x", "p=__HIVE_DEFAULT_PARTITION__", "p=a b%2Fc"}
    assert {child.name for child in place.iterdir()} == names | {"_SUCCESS"}
    assert [file.read_text() for file in (place / "p=x").iterdir()] == ["id\n1\n"]
    with pytest.raises(PySparkException, match="DIVIDE_BY_ZERO"):
        rows.selectExpr("1 / (id - 3) AS q", "p").write.mode("overwrite").partitionBy("p").csv(f"file:{place}")
    assert {child.name for child in place.iterdir()} == names | {"_SUCCESS"}
    again = spark.range(1).selectExpr("7 AS id", "'x' AS p").write.mode("overwrite")
    again.option("partitionOverwriteMode", "dynamic").partitionBy("p").csv(f"file:{place}")
    assert {row.id for row in spark.read.csv(f"file:{place}", schema="id INT, p STRING").collect()} == {7, None, 2, 3}
    with pytest.raises(PySparkException, match="UNSUPPORTED_DATA_TYPE_FOR_DATASOURCE"):
        spark.sql("SELECT array(1) AS a").write.csv(f"file:{tmp_path}/no")
    assert not (tmp_path / "no").exists()
