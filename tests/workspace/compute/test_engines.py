"""The engine seam: interrupts, engines that die, and that nothing is left of a session."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import psutil
import pytest
from pyspark.sql.connect.proto import base_pb2

from brickyard.workspace.compute.channel import Channel
from brickyard.workspace.compute.engines.forks import Forks
from brickyard.workspace.compute.engines.remote import RemoteEngine
from brickyard.workspace.compute.engines.sail import SailEngine
from brickyard.workspace.compute.gateway.errors import SparkError
from brickyard.workspace.compute.gateway.sail import SERVICE, Sail
from tests.support import wait_for
from tests.workspace.compute.engine_support import Engine


@pytest.fixture(scope="module")
def engine(own_engine: Engine) -> Engine:
    """One of its own: processes are counted."""
    return own_engine


@pytest.fixture
def session(engine: Engine) -> Iterator[Any]:
    """A session of its own, with its own engine."""
    spark = engine.client()
    yield spark
    spark.stop()


def sails(engine: Engine) -> set[int]:
    """The processes of Sail: the fork server's children, beside the gateway, which it starts first."""
    return {process.pid for process in children(engine)[2:]}


def gateway(engine: Engine) -> int:
    return int(children(engine)[1].pid)


def children(engine: Engine) -> list[Any]:
    (server,) = psutil.Process(engine.process.pid).children()
    return [server, *sorted(server.children(), key=lambda process: (process.create_time(), process.pid))]


def own_sail(engine: Engine, spark: Any) -> int:
    from pyspark.sql.functions import udf

    return int(spark.range(1).select(udf(lambda _: __import__("os").getpid(), "long")("id")).collect()[0][0])


def looping(path: str) -> Callable[[int], int]:
    def forever(number: int) -> int:
        from pathlib import Path

        Path(path).touch()
        while True:
            try:
                number += 1
            except Exception:
                number = 0

    return forever


def sleeping(path: str) -> Callable[[int], int]:
    def asleep(number: int) -> int:
        import time
        from pathlib import Path

        Path(path).touch()
        time.sleep(600)
        return number

    return asleep


class Running:
    """A query on a thread of its own, and what became of it."""

    def __init__(self, query: Callable[[], Any]) -> None:
        self.error: Any = None
        self.query = query
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self) -> None:
        try:
            self.query()
        except Exception as error:
            self.error = error

    def outcome(self, seconds: float = 20) -> str:
        self.thread.join(seconds)
        assert not self.thread.is_alive(), "the query does not end"
        return str(self.error)


def started(spark: Any, function: Callable[[str], Any], path: Any, tag: str = "") -> Running:
    from pyspark.sql.functions import udf

    def query() -> Any:
        if tag:
            spark.addTag(tag)  # of this thread
        return spark.range(1).select(udf(function(str(path)), "long")("id")).collect()

    running = Running(query)
    wait_for(path.exists)
    return running


def test_each_session_has_an_engine_of_its_own(engine: Engine, session: Any) -> None:
    other = engine.client()
    one, two = own_sail(engine, session), own_sail(engine, other)
    assert one != two and gateway(engine) not in (one, two)
    other.stop()
    wait_for(lambda: not psutil.pid_exists(two))
    assert own_sail(engine, session) == one


def test_an_interrupt_ends_a_python_function_that_never_returns(engine: Engine, session: Any, tmp_path: Any) -> None:
    pid = own_sail(engine, session)
    running = started(session, looping, tmp_path / "begun")
    assert len(session.interruptAll()) == 1
    assert "OPERATION_CANCELED" in running.outcome()
    assert own_sail(engine, session) == pid, "the engine did not have to be killed"
    calm = psutil.Process(pid)
    before = sum(calm.cpu_times()[:2])
    time.sleep(0.3)
    assert sum(calm.cpu_times()[:2]) - before < 0.2, "the function still runs"


def test_an_interrupt_ends_a_python_function_that_sleeps(engine: Engine, session: Any, tmp_path: Any) -> None:
    session.conf.set("spark.sql.session.timeZone", "Asia/Tokyo")
    session.range(3).createOrReplaceTempView("kept")
    pid = own_sail(engine, session)
    running = started(session, sleeping, tmp_path / "begun")
    session.interruptAll()
    assert "OPERATION_CANCELED" in running.outcome(2)
    assert session.table("kept").count() == 3
    assert session.conf.get("spark.sql.session.timeZone") == "Asia/Tokyo"
    assert not psutil.pid_exists(pid)


def test_an_interrupt_ends_what_sail_itself_computes(engine: Engine, session: Any) -> None:
    process = psutil.Process(own_sail(engine, session))
    before = sum(process.cpu_times()[:2])
    running = Running(lambda: session.range(10**7).crossJoin(session.range(10**7)).selectExpr("sum(rand())").collect())
    wait_for(lambda: sum(process.cpu_times()[:2]) - before > 0.5)
    wait_for(session.interruptAll)
    assert "OPERATION_CANCELED" in running.outcome(2)
    assert session.range(2).count() == 2, "the next query waits until it has ended"
    wait_for(lambda: not process.is_running() or process.cpu_percent(0.3) < 50)


def test_an_interrupt_ends_a_script_whatever_it_handles(engine: Engine, session: Any) -> None:
    script = "BEGIN DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END; WHILE true DO SELECT 1; END WHILE; END"
    running = Running(lambda: session.sql(script).collect())
    wait_for(session.interruptAll)
    assert "OPERATION_CANCELED" in running.outcome(2)
    assert session.sql("BEGIN SELECT 2 AS a; END").collect()[0].a == 2


def test_an_interrupt_of_a_tag_leaves_the_others(engine: Engine, session: Any, tmp_path: Any) -> None:
    running = started(session, looping, tmp_path / "begun", tag="slow")
    assert session.interruptTag("other") == []
    assert session.range(2).count() == 2
    assert len(session.interruptTag("slow")) == 1
    assert "OPERATION_CANCELED" in running.outcome()


def test_a_client_that_goes_away_ends_its_query(engine: Engine, session: Any, tmp_path: Any) -> None:
    pid = own_sail(engine, session)
    running = started(session, sleeping, tmp_path / "begun")
    session.client._channel.close()
    running.outcome()
    wait_for(lambda: not psutil.pid_exists(pid))


def test_an_engine_that_dies_is_replaced(engine: Engine, session: Any, tmp_path: Any) -> None:
    from pyspark.sql.functions import udf

    other = engine.client()
    untouched = own_sail(engine, other)
    session.conf.set("spark.sql.session.timeZone", "Asia/Tokyo")
    session.range(3).createOrReplaceTempView("kept")
    session.udf.register("twice", udf(lambda x: 2 * x, "long"))
    session.range(3).write.mode("overwrite").csv("dbfs:/of_dead")
    session.sql("CREATE TEMP VIEW files AS SELECT * FROM csv.`dbfs:/of_dead`")
    running = started(session, sleeping, tmp_path / "begun")
    for pid in sails(engine) - {untouched}:
        psutil.Process(pid).kill()
    said = running.outcome()
    assert "[SPARK_ENGINE_ENDED]" in said and "SIGKILL, perhaps because memory ran out" in said
    assert session.sql("SELECT max(twice(id)) AS x FROM kept").collect()[0].x == 4
    assert session.sql("SELECT current_timezone() AS x").collect()[0].x == "Asia/Tokyo"
    assert session.cloneSession().table("files").count() == session.table("files").count() == 3
    assert own_sail(engine, other) == untouched
    other.stop()


def test_sessions_leave_nothing(engine: Engine, session: Any) -> None:
    own_sail(engine, session)
    before = len(sails(engine))
    descriptors = psutil.Process(gateway(engine)).num_fds()
    for _ in range(8):
        spark = engine.client()
        assert spark.range(2).count() == 2
        spark.stop()
    wait_for(lambda: len(sails(engine)) <= before)
    wait_for(lambda: psutil.Process(gateway(engine)).num_fds() <= descriptors + 3)


def test_a_late_call_of_a_session_that_was_closed_starts_no_engine() -> None:
    """A client's releases of operations are under way while it releases the session."""
    sail = Sail(RemoteEngine("sc://127.0.0.1:9"))
    sail.close()
    with pytest.raises(SparkError) as error:
        sail.unary("ReleaseExecute")(b"")
    assert error.value.condition == "INVALID_HANDLE.SESSION_CLOSED"


def test_calls_that_are_not_read_to_their_end_are_freed() -> None:
    """A client reads no further than to what tells it that all is well."""

    def answers(*_: Any) -> Iterator[bytes]:
        for _ in range(3):
            yield base_pb2.ExecutePlanResponse(session_id="s").SerializeToString()

    server = grpc.server(ThreadPoolExecutor(2))
    handlers = {"ExecutePlan": grpc.unary_stream_rpc_method_handler(answers)}
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(SERVICE.strip("/"), handlers)])
    sail = Sail(RemoteEngine(f"sc://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"))
    server.start()
    before = pending()
    for _ in range(5):
        stream = sail.stream("ExecutePlan")(base_pb2.ExecutePlanRequest(session_id="s").SerializeToString())
        assert next(stream)
        stream.close()
    assert pending() == before
    sail.close()
    server.stop(None)


def test_an_engine_that_does_not_start_in_time_is_ended(monkeypatch: Any, tmp_path: Any) -> None:
    monkeypatch.setattr("brickyard.workspace.compute.engines.sail._START_SECONDS", 0.01)
    ours, silent = Channel.pair()
    with pytest.raises(RuntimeError, match="did not start within"):
        SailEngine(Forks(ours), [], {}, tmp_path).start()
    said: list[Any] = []
    while "kill" not in said:
        said += [message["do"] for message in silent.receive()]


def pending() -> int:
    """The ends of calls that gRPC still waits for."""
    return sum(type(found).__name__ == "ReceiveStatusOnClientOperation" for found in gc.get_objects())
