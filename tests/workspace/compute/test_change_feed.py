"""The change data feed, as other libraries read it and as writers meet."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable
from pyspark.errors import PySparkException

from brickyard.workspace.compute.gateway import commits
from brickyard.workspace.compute.gateway.errors import SparkError
from brickyard.workspace.compute.gateway.feed import Bounds
from brickyard.workspace.compute.gateway.feed.commit import Changes, commit
from brickyard.workspace.compute.gateway.feed.marks import marked

PROPERTY = "TBLPROPERTIES (delta.enableChangeDataFeed = true)"
COLUMNS = "a, p, _change_type, _commit_version"


def place_of(engine: Any, spark: Any) -> Path:
    found: Path = engine.data / "tables" / "main" / spark.catalog.currentDatabase() / "t"
    return found


def test_delta_rs_reads_the_same_changes(spark: Any, engine: Any) -> None:
    spark.sql(f"CREATE TABLE t (a INT, p STRING) PARTITIONED BY (p) {PROPERTY}")
    spark.sql("INSERT INTO t VALUES (1, 'x'), (2, 'y'), (3, 'y')")
    spark.sql("UPDATE t SET a = a + 10, p = 'z' WHERE a = 2")
    spark.sql("MERGE INTO t USING (SELECT 3 AS a, 'q' AS p) s ON t.a = s.a WHEN MATCHED THEN DELETE")
    ours = {tuple(row) for row in spark.sql(f"SELECT {COLUMNS} FROM table_changes('t', 0)").collect()}
    table = DeltaTable(place_of(engine, spark))
    theirs = pa.table(table.load_cdf(starting_version=0)).select(COLUMNS.split(", ")).to_pylist()
    assert len(theirs) == 6
    assert {tuple(row.values()) for row in theirs} == ours
    said = table.history(1)[0]
    assert (said["operation"], said["operationMetrics"]["numTargetRowsDeleted"]) == ("MERGE", "1")


def test_a_change_takes_what_was_appended_meanwhile_and_not_what_was_changed(tmp_path: Path) -> None:
    log = tmp_path / "_delta_log"
    log.mkdir()
    added = {"path": "f", "partitionValues": {}, "size": 1}
    for number, info in enumerate(({"isBlindAppend": True}, {"isBlindAppend": True}, {"isBlindAppend": False})):
        commits.add_commit(tmp_path, number, [{"commitInfo": {"operation": "WRITE", **info}}, {"add": added}])
    commit(tmp_path, 2, Changes(removed=[added]), {"operation": "DELETE"})
    with pytest.raises(SparkError, match="concurrent DELETE deleted data"):
        commit(tmp_path, 2, Changes(removed=[added]), {"operation": "DELETE"})
    with pytest.raises(SparkError, match="added data"):
        commit(tmp_path, 1, Changes(removed=[added]), {"operation": "DELETE"})
    commit(tmp_path, 0, Changes(added=[added]), {"operation": "WRITE", "isBlindAppend": True})
    assert commits.latest(tmp_path) == 4


def test_of_two_updates_at_once_one_wins_and_the_feed_has_it_once(spark: Any, engine: Any) -> None:
    spark.sql(f"CREATE TABLE t (a INT) {PROPERTY}")
    spark.sql("INSERT INTO t VALUES (0)")
    name = f"main.{spark.catalog.currentDatabase()}.t"
    other, said = engine.client(), []

    def update(session: Any) -> None:
        try:
            session.sql(f"UPDATE {name} SET a = a + 1")
        except PySparkException as error:
            said.append(str(error))

    threads = [threading.Thread(target=update, args=(session,)) for session in (spark, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.stop()
    assert all("DELTA_CONCURRENT" in text for text in said)
    done = 2 - len(said)
    assert [row.a for row in spark.table("t").collect()] == [done]
    changes = spark.sql("SELECT a FROM table_changes('t', 2) WHERE _change_type = 'update_postimage' ORDER BY a")
    assert [row.a for row in changes.collect()] == list(range(1, done + 1))


def test_statements_mark_what_they_do() -> None:
    kind, before = "__brickyard_change", "__brickyard_before"
    assert marked("DELETE FROM delta.`/t` WHERE a = 1", ["a"]) == (
        f"UPDATE delta.`/t`  SET {kind} = 'delete' WHERE a = 1"
    )
    old = f"{kind} = 'update', {before} = named_struct('a', `t`.`a`)"
    assert marked("UPDATE delta.`/t` AS t SET a = 2", ["a"]) == f"UPDATE delta.`/t` AS t SET {old}, a = 2"
    merge = "MERGE INTO delta.`/t` AS t USING s ON t.a = s.a WHEN MATCHED AND CASE WHEN s.b THEN true END THEN "
    assert marked(f"{merge}DELETE", ["a"]) == f"{merge}UPDATE SET {kind} = 'delete'"
    insert = "WHEN NOT MATCHED THEN INSERT (a) VALUES (s.a)"
    assert marked(f"{merge}UPDATE SET a = s.a {insert}", ["a"]) == (
        f"{merge}UPDATE SET {old}, a = s.a WHEN NOT MATCHED THEN INSERT ({kind}, a) VALUES ('insert', s.a)"
    )


@pytest.mark.parametrize(
    ("make", "versions"),
    [
        (lambda at: Bounds(str(at(1)), str(at(1))), range(1, 2)),
        (lambda at: Bounds("1970-01-01", str(at(0))), range(1)),
        (lambda at: Bounds(1, 7), range(1, 3)),
        (lambda at: Bounds("2999-01-01", lenient=True), range(0)),
    ],
)
def test_times_are_those_of_commits(tmp_path: Path, make: Callable[[Any], Bounds], versions: range) -> None:
    import datetime as dt

    (tmp_path / "_delta_log").mkdir()
    for number in range(3):
        commits.add_commit(tmp_path, number, [{"commitInfo": {"timestamp": 1000 * (number + 1)}}])

    def at(number: int) -> dt.datetime:
        return dt.datetime.fromtimestamp(number + 1, dt.UTC)

    assert make(at).versions(tmp_path) == versions
