"""Spark clients from outside: unmodified, on the workspace's own port, with any of its tokens."""

from __future__ import annotations

import contextlib
import importlib
import itertools
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest

from brickyard.workspace.tunnel import PREFACE
from tests.workspace.compute.compute_support import Lab

_numbers = itertools.count(1)
Connect = Callable[..., Any]


@pytest.fixture(scope="module")
def connect(lab: Lab) -> Iterator[Connect]:
    """Makes sessions, which end with the module."""
    from pyspark.sql import SparkSession

    with contextlib.ExitStack() as stack:

        def session(token: str = "", host: str = "127.0.0.1", **parameters: str) -> Any:
            port = lab.listener.getsockname()[1]
            given = {"x-brickyard-token": token or lab.token, **parameters}
            text = ";".join(f"{name}={value}" for name, value in given.items())
            spark = SparkSession.builder.remote(f"sc://{host}:{port}/;{text}").create()
            stack.callback(spark.stop)
            return spark

        yield session


@pytest.fixture(scope="module")
def spark(connect: Connect) -> Any:
    """The owner's session."""
    return connect()


@pytest.fixture
def schema(spark: Any) -> str:
    """An empty schema of the test's own."""
    name = f"main.connect_{next(_numbers)}"
    spark.sql(f"CREATE SCHEMA {name}")
    return name


def robot(lab: Lab) -> tuple[str, str]:
    """A new service principal: its name and a token."""
    from databricks.sdk import WorkspaceClient

    w = WorkspaceClient(host=lab.workspace.url, token=lab.token)
    name = w.service_principals.create(display_name=f"robot {next(_numbers)}").application_id or ""
    return name, lab.workspace.identity.issue_token(lab.workspace.identity.principal_named(name), "test")


def condition(act: Callable[[], Any]) -> str:
    """The error class that the call ends with."""
    from pyspark.errors import PySparkException

    with pytest.raises(PySparkException) as caught:
        act()
    return caught.value.getCondition() or str(caught.value)


def engine_of(lab: Lab) -> psutil.Process:
    """The process of the shared engine: the one that listens at its socket."""
    place = lab.workspace.compute.interactive.socket()
    for process in psutil.Process().children(recursive=True):
        if any(one.laddr == place for one in process.net_connections("unix")):
            return process
    raise AssertionError("there is no engine")


def test_the_owner_s_token_opens_a_session_as_the_owner(spark: Any, connect: Connect, lab: Lab) -> None:
    assert spark.sql("SELECT current_user()").collect()[0][0] == lab.workspace.identity.owner.user_name
    usual = connect(host="localhost", token=lab.token, user_id="somebody-else")
    assert usual.sql("SELECT current_user()").collect()[0][0] == lab.workspace.identity.owner.user_name


@pytest.mark.parametrize(("token", "words"), [("wrong", "does not accept"), ("%20", "No token")])
def test_without_a_token_of_the_workspace_nobody_comes_in(connect: Connect, token: str, words: str) -> None:
    assert words in condition(lambda: connect(token).range(1).collect())


def test_a_revoked_token_is_refused(connect: Connect, lab: Lab) -> None:
    _, token = robot(lab)
    spark = connect(token)
    assert spark.range(2).count() == 2
    lab.workspace.identity.revoke_token(token)
    patience = threading.Event()
    for _ in range(100):
        with contextlib.suppress(Exception):
            spark.range(1).count()
            patience.wait(0.1)
            continue
        break
    assert "does not accept" in condition(lambda: spark.range(1).count())


def test_a_session_goes_on_with_another_token_of_its_user(connect: Connect, lab: Lab) -> None:
    name, token = robot(lab)
    first = connect(token)
    assert first.range(1).count() == 1
    identity = lab.workspace.identity
    again = connect(identity.issue_token(identity.principal_named(name), "test"), session_id=first.session_id)
    identity.revoke_token(token)
    found = again.sql("SELECT current_user() AS who, is_account_group_member('nobody') AS member").collect()
    assert [tuple(row) for row in found] == [(name, False)]


def test_a_principal_sees_and_reads_what_it_was_granted(spark: Any, connect: Connect, lab: Lab, schema: str) -> None:
    spark.sql(f"CREATE TABLE {schema}.t AS SELECT 1 AS id")
    name, token = robot(lab)
    other = connect(token)
    assert other.sql("SELECT current_user()").collect()[0][0] == name
    assert "PERMISSION" in condition(lambda: other.table(f"{schema}.t").collect())
    assert schema.partition(".")[2] not in [row[0] for row in other.sql("SHOW SCHEMAS IN main").collect()]
    owner = lab.workspace.identity.owner
    assert owner.user_name != name
    assert spark.table(f"{schema}.t").count() == 1


def test_a_global_view_is_read_with_the_reader_s_privileges(
    spark: Any, connect: Connect, lab: Lab, schema: str
) -> None:
    spark.sql(f"CREATE TABLE {schema}.held_back AS SELECT 1 AS id")
    other = connect(robot(lab)[1])
    spark.table(f"{schema}.held_back").createOrReplaceGlobalTempView("shown")
    assert "PERMISSION" in condition(lambda: other.table("global_temp.shown").collect())
    spark.range(3).createOrReplaceGlobalTempView("shown")
    assert other.table("global_temp.shown").count() == 3
    assert spark.catalog.dropGlobalTempView("shown")


def test_a_session_s_id_is_of_no_use_to_another(spark: Any, connect: Connect, lab: Lab) -> None:
    spark.range(3).createOrReplaceTempView("mine")
    thief = connect(robot(lab)[1], session_id=spark.session_id, user_id=lab.workspace.identity.owner.user_name)
    assert condition(lambda: thief.sql("SELECT * FROM mine").collect()) != ""
    assert spark.table("mine").count() == 3


def test_a_released_session_stays_closed(connect: Connect) -> None:
    first = connect()
    assert first.range(1).count() == 1
    first.client.release_session()
    assert condition(lambda: first.range(1).count()) == "INVALID_HANDLE.SESSION_CLOSED"


def test_sessions_of_one_engine_that_append_at_once_lose_nothing(spark: Any, connect: Connect, schema: str) -> None:
    spark.sql(f"CREATE TABLE {schema}.t (id BIGINT)")
    sessions = [connect() for _ in range(4)]

    def append(session: Any) -> None:
        for _ in range(20):
            session.range(10).write.mode("append").saveAsTable(f"{schema}.t")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(append, sessions))
    assert spark.table(f"{schema}.t").count() == 4 * 20 * 10


def test_large_results_come_through_whole(spark: Any) -> None:
    rows = spark.range(2_000_000).toArrow()
    assert rows.num_rows == 2_000_000
    assert rows.column(0)[-1].as_py() == 1_999_999


@pytest.mark.parametrize("rest", [b"\xff" * 100, b"GET / HTTP/1.1\r\n\r\n", b""])
def test_garbage_after_the_preface_harms_nobody(spark: Any, lab: Lab, rest: bytes) -> None:
    with socket.create_connection(lab.listener.getsockname()) as hostile:
        hostile.sendall(PREFACE + rest)
        hostile.shutdown(socket.SHUT_WR)
        while hostile.recv(65536):
            continue
    assert spark.range(1).count() == 1


def test_a_preface_in_pieces_is_one(lab: Lab) -> None:
    with socket.create_connection(lab.listener.getsockname()) as slow:
        slow.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in PREFACE:
            slow.sendall(bytes((byte,)))
        slow.sendall(b"\x00\x00\x00\x04\x00\x00\x00\x00\x00")
        assert slow.recv(9)[3] == 4  # settings, as HTTP/2 begins


def test_a_method_that_begins_like_the_preface_is_http(lab: Lab) -> None:
    with socket.create_connection(lab.listener.getsockname()) as client:
        client.sendall(b"PROPFIND / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        assert client.recv(65536).startswith(b"HTTP/1.1 ")


def test_local_data_in_chunks_is_read(spark: Any) -> None:
    import pyarrow as pa

    spark.conf.set("spark.sql.session.localRelationCacheThreshold", "100")
    spark.conf.set("spark.sql.session.localRelationChunkSizeBytes", "30000")
    frame = spark.createDataFrame(pa.table({"id": range(5000), "text": ["words"] * 5000}))
    plan = frame._plan.to_proto(spark.client)
    assert len(plan.root.to_df.input.chunked_cached_local_relation.dataHashes) > 1
    assert frame.selectExpr("count(*)", "sum(id)", "max(text)").collect() == [(5000, 12497500, "words")]


def test_a_clone_of_a_session_has_all_of_it_and_goes_on_alone(spark: Any, schema: str, tmp_path: Path) -> None:
    (tmp_path / "cloned_module.py").write_text("SEVEN = 7\n")
    spark.addArtifacts(str(tmp_path / "cloned_module.py"), pyfile=True)
    spark.sql(f"USE {schema}")
    spark.range(3).createOrReplaceTempView("cloned")
    spark.udf.register("seven", lambda: importlib.import_module("cloned_module").SEVEN, "long")
    spark.sql("DECLARE OR REPLACE VARIABLE answer INT DEFAULT 42")
    clone = spark.cloneSession()
    assert clone.sql("SELECT count(*), seven(), max(answer), current_schema() FROM cloned").first() == (
        (3, 7, 42, schema.removeprefix("main."))
    )
    clone.range(4).createOrReplaceTempView("cloned")
    assert spark.table("cloned").count() == 3
    with pytest.raises(Exception, match="TARGET_SESSION_ID_FORMAT"):
        spark.client.clone("no-uuid")
    clone.client.release_session()
    spark.sql("USE main.default")


def test_functions_find_the_files_and_archives_that_were_sent(connect: Connect, tmp_path: Path) -> None:
    from pyspark.sql.functions import udf

    spark = connect()
    (tmp_path / "sent.txt").write_text("hello")
    archive = shutil.make_archive(str(tmp_path / "packed"), "zip", tmp_path, "sent.txt")
    spark.addArtifacts(str(tmp_path / "sent.txt"), file=True)
    spark.addArtifacts(f"{archive}#unpacked", archive=True)

    @udf("string")
    def read(name: str) -> str:
        from pyspark import SparkFiles

        return Path(name).read_text() + Path(SparkFiles.get(name)).read_text()

    rows = spark.createDataFrame([("sent.txt",), ("unpacked/sent.txt",)], "name string")
    assert [row[0] for row in rows.select(read("name")).collect()] == ["hellohello"] * 2


def test_local_data_that_no_message_takes_keeps_its_order(connect: Connect) -> None:
    import numpy as np
    import pandas as pd

    spark, count = connect(), 4_300_000
    numbers = spark.createDataFrame(pd.DataFrame({"n": np.arange(count)}))
    assert numbers.selectExpr("sum(n)").first()[0] == count * (count - 1) // 2
    assert [row.n for row in numbers.limit(3).collect()] == [0, 1, 2]


def test_compressed_plans_are_read(spark: Any) -> None:
    import pyarrow as pa
    from pyspark.sql.connect.proto import base_pb2

    request = spark.client._execute_plan_request_with_metadata()
    sent, plan = request.plan.compressed_operation, spark.range(7)._plan.to_proto(spark.client)
    sent.data = pa.compress(plan.root.SerializeToString(), codec="zstd", asbytes=True)
    sent.op_type = base_pb2.Plan.CompressedOperation.OP_TYPE_RELATION
    sent.compression_codec = base_pb2.COMPRESSION_CODEC_ZSTD
    table, *_ = spark.client._execute_and_fetch(request, {})
    assert table.num_rows == 7


def test_an_engine_that_is_killed_is_replaced_and_clients_are_told(connect: Connect, lab: Lab) -> None:
    session = connect()
    assert session.range(1).count() == 1
    killed = engine_of(lab)
    killed.kill()
    assert condition(lambda: session.range(1).count()) == "INVALID_HANDLE.SESSION_CHANGED"
    assert connect().range(5).count() == 5
    assert engine_of(lab).pid != killed.pid
