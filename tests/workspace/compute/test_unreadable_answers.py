"""Answers of the engine that are no messages: asked for again where that changes nothing, and named otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from google.protobuf.message import DecodeError
from pyspark.sql.connect.proto import base_pb2, commands_pb2

from brickyard.workspace.compute.engines import Address, Capabilities
from brickyard.workspace.compute.engines.spark_server import SparkServer
from brickyard.workspace.compute.gateway.sail import SERVICE, Sail, SessionKey
from brickyard.workspace.compute.gateway.statuses import status_of

KEY = SessionKey("me@localhost", "s")
CORRUPT = b"\x0a\x05abc"  # a text of five bytes, of which there are three


class Stuttering:
    """An engine whose first answer to each call is cut off."""

    capabilities = Capabilities("sail")

    def __init__(self) -> None:
        self.calls: list[str] = []
        self._server = grpc.server(ThreadPoolExecutor(2))
        unary = {
            "AnalyzePlan": base_pb2.AnalyzePlanResponse(spark_version={"version": "4"}),
            "Config": base_pb2.ConfigResponse(pairs=[{"key": "k", "value": "v"}]),
        }
        handlers = {name: grpc.unary_unary_rpc_method_handler(self._once(name, one)) for name, one in unary.items()}
        whole = self._once("ExecutePlan", base_pb2.ExecutePlanResponse(session_id="s"))
        handlers["ExecutePlan"] = grpc.unary_stream_rpc_method_handler(lambda *asked: iter([whole(*asked)]))
        self._server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(SERVICE.strip("/"), handlers)])
        self._address = Address(f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}")
        self._server.start()

    def start(self) -> SparkServer:
        return SparkServer(self._address)

    def close(self) -> None:
        self._server.stop(None).wait()

    def _once(self, name: str, answer: Any) -> Any:
        def answered(*_: Any) -> bytes:
            self.calls.append(name)
            return CORRUPT if self.calls.count(name) == 1 else bytes(answer.SerializeToString())

        return answered


@pytest.fixture
def engine() -> Iterator[Stuttering]:
    made = Stuttering()
    yield made
    made.close()


@pytest.fixture
def sail(engine: Stuttering) -> Iterator[Sail]:
    made = Sail(engine)
    yield made
    made.close()


def test_what_changes_nothing_is_asked_again(engine: Stuttering, sail: Sail) -> None:
    version = base_pb2.AnalyzePlanRequest.SparkVersion()
    assert sail.analyze(KEY, spark_version=version).spark_version.version == "4"
    assert sail.configuration(KEY, "k") == "v"
    view = commands_pb2.Command()
    view.create_dataframe_view.name, view.create_dataframe_view.replace = "v", True
    sail.run(KEY, view)
    assert engine.calls == ["AnalyzePlan"] * 2 + ["Config"] * 2 + ["ExecutePlan"] * 2


def test_what_may_have_been_done_is_not_repeated(engine: Stuttering, sail: Sail) -> None:
    with pytest.raises(DecodeError) as error:
        sail.query(KEY, "DELETE FROM t")
    assert engine.calls == ["ExecutePlan"]
    assert status_of(error.value, engine.capabilities).details.startswith("[INTERNAL_ERROR] A message between")
