"""One session's engine: calls of the gateway and of the client to it; started when needed, and again where it died."""

from __future__ import annotations

import logging
import shutil
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import grpc
import pyarrow as pa
from google.protobuf.message import DecodeError
from grpc.experimental import ChannelOptions
from pyspark.sql.connect.proto import base_pb2, commands_pb2, relations_pb2

from brickyard.workspace.compute.engines import Address, Engine, EngineServer, Work
from brickyard.workspace.compute.gateway.cast_errors import no_decimal
from brickyard.workspace.compute.gateway.errors import RUNTIME, SparkError
from brickyard.workspace.compute.gateway.lasting import stamped, unobserved
from brickyard.workspace.compute.gateway.memory import Memory
from brickyard.workspace.compute.gateway.operations import Call, Operation, current

__all__ = ["UNREADY", "Sail", "SessionKey"]

_log = logging.getLogger(__name__)
#: The fork server tells of a death just after the connection broke.
DEATH_SECONDS = 2.0
KILL_SECONDS = 5.0
#: What Sail says where it looks at a table's log while a commit is written, and how often it may.
UNREADY, TRIES = "Missing commit file: expected version 0", 5
SERVICE = "/spark.connect.SparkConnectService/"
#: Results travel as gRPC messages; Sail's own batches stay below 4 MiB, a client's local data may not.
OPTIONS = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
#: The thread that reads a stream waits for the network itself, not for another thread that does.
CHANNEL_OPTIONS = [*OPTIONS, (ChannelOptions.SingleThreadedUnaryStream, 1)]


@dataclass(frozen=True)
class SessionKey:
    """One Spark session of one client."""

    user_id: str
    session_id: str

    @staticmethod
    def of(request: Any) -> SessionKey:
        """The session that a request belongs to."""
        return SessionKey(request.user_context.user_id, request.session_id)


class Sail:
    """A session's own engine: raw calls for forwarding, and typed calls for the gateway's own work.

    The engine may be another than Sail. What makes up a session is remembered, so that one that died can be replaced.

    Args:
        engine: Starts the session's engine.

    Attributes:
        generation: How many engines the session has had.
    """

    def __init__(self, engine: Engine) -> None:
        self.capabilities = engine.capabilities
        self.memory = Memory()
        self._engine = engine
        self._lock = threading.RLock()
        self._server: EngineServer | None = None
        self._channel: grpc.Channel | None = None
        self._killed: str | None = None
        self._closed = False
        self.generation = 0

    @property
    def runs(self) -> bool:
        """Whether the engine has been started and has not ended."""
        server = self._server
        return server is not None and server.ended() is None

    def unary(self, method: str) -> Any:
        """A unary call that takes and gives bytes."""

        def call(raw: bytes) -> Any:
            channel, server = self._connected()
            raw, session_id = self._for_engine(method, raw)
            ask = _patient(channel.unary_unary(SERVICE + method))
            try:
                answer = ask(raw, metadata=server.address.metadata)
                return stamped(method, answer, session_id) if session_id else answer
            except grpc.RpcError as error:
                raise self._explained(error, server) from error
            except ValueError as error:  # of a channel that another thread has closed meanwhile
                raise closed() from error

        return call

    def stream(self, method: str) -> Any:
        """A call that takes bytes and gives a stream of bytes; it works for this thread's operation."""

        def call(raw: bytes) -> Iterator[bytes]:
            channel, server = self._connected()
            waiting = current() or Call(Operation(""))
            operation = waiting.operation
            raw, session_id = self._for_engine(method, raw)
            try:
                stream = channel.unary_stream(SERVICE + method)(raw, metadata=server.address.metadata)
            except ValueError as error:
                raise closed() from error
            waiting.streams.append(stream)
            try:
                operation.check()
                for answer in stream:
                    yield stamped(method, answer, session_id) if session_id else answer
            except grpc.RpcError as error:
                operation.check()
                better = no_decimal(str(error.details()), raw) if method == "ExecutePlan" else None
                raise better or self._explained(error, server) from error
            finally:
                _end(stream)
                waiting.streams.remove(stream)

        return call

    def upload(self, requests: Iterator[bytes]) -> bytes:
        """Artifacts, for an engine that keeps them itself."""
        channel, server = self._connected()
        try:
            plain = (unobserved("AddArtifacts", raw)[0] for raw in requests)
            answer = channel.stream_unary(SERVICE + "AddArtifacts")(plain, metadata=server.address.metadata)
        except grpc.RpcError as error:
            raise self._explained(error, server) from error
        session_id = base_pb2.AddArtifactsResponse.FromString(answer).session_id
        return stamped("AddArtifacts", answer, session_id)

    def _for_engine(self, method: str, raw: bytes) -> tuple[bytes, str]:
        """A request for the engine; and the session's id where answers are to be stamped with it."""
        return unobserved(method, raw) if self.capabilities.is_spark else (raw, "")

    def import_from(self, entry: str) -> None:
        """Let Python functions of this session import what is in a directory or archive."""
        self._connected()[1].import_from(entry)
        self.memory.imports.append(entry)

    def work_in(self, directory: str) -> None:
        """Let Python functions of this session find files there."""
        self._connected()[1].work_in(directory)
        self.memory.files = directory

    def interrupt(self, requests: Iterable[base_pb2.InterruptRequest], timeout: float) -> bool:
        """Have the engine stop operations, but not Python functions that they execute; whether it has said so."""
        channel = self._channel
        try:
            for request in requests:
                if channel is not None and self.runs:
                    channel.unary_unary(SERVICE + "Interrupt")(request.SerializeToString(), timeout=timeout)
        except (grpc.RpcError, ValueError):  # it does not answer, or has been closed meanwhile
            return not self.runs
        return True

    def interrupt_functions(self, timeout: float) -> Work:
        """Stop Python functions; what the engine still does."""
        server = self._server
        return server.interrupt(timeout) if server is not None and self.runs else Work()

    def remove_kept(self, session_id: str, relation_id: str) -> None:
        """Remove rows that the engine has kept for a plan, and does not remove itself."""
        kept = None if self._server is None else self._server.kept
        plain = all("/" not in part and part not in {"", ".", ".."} for part in (session_id, relation_id))
        if kept is not None and plain:
            shutil.rmtree(kept / session_id / relation_id, ignore_errors=True)

    def kill(self, why: str) -> None:
        """End the engine; the next call starts another, and a call that is under way learns `why`."""
        server = self._server
        if server is not None:
            self._killed = why
            server.kill()
            server.ended(KILL_SECONDS)

    def _connected(self) -> tuple[grpc.Channel, EngineServer]:
        with self._lock:
            if self._closed:
                raise closed()
            if self._server is not None and self._server.ended() is not None:
                self._disconnect()
            if self._server is None or self._channel is None:
                self._server, self._killed = self._started(), None
                self.generation += 1
                self._channel = _channel(self._server.address)
                self.memory.replay(self._channel, self._server)
            return self._channel, self._server

    def _started(self) -> EngineServer:
        try:
            return self._engine.start()
        except RuntimeError as error:
            raise SparkError("SPARK_ENGINE_NOT_AVAILABLE", str(error), kind=RUNTIME, sql_state="58000") from error

    def _explained(self, error: grpc.RpcError, server: EngineServer) -> Exception:
        """What the client is told: that the session or the engine has ended, or what the engine itself said."""
        if self._closed:
            return closed()
        lost = error.code() == grpc.StatusCode.UNAVAILABLE
        how = server.ended(DEATH_SECONDS if lost else 0)
        return error if how is None else died(self.capabilities.name, self._killed or how)

    def execute(self, key: SessionKey, plan: base_pb2.Plan, *, lasting: bool = True) -> pa.Table | None:
        """Run a plan to its end in the client's session; its rows, if it has any.

        Args:
            key: Whose session it is.
            plan: What is run.
            lasting: Whether what it registers is registered again in an engine that takes this one's place.

        Raises:
            grpc.RpcError: As Sail reports it.
        """
        request = base_pb2.ExecutePlanRequest(session_id=key.session_id, plan=plan)
        request.user_context.user_id = key.user_id
        of_views = plan.command.HasField("create_dataframe_view") or plan.root.HasField("catalog")
        table = _again(lambda: self._executed(request)) if of_views else self._executed(request)
        if lasting:
            self.memory.executed(request)
        return table

    def _executed(self, request: base_pb2.ExecutePlanRequest) -> pa.Table | None:
        request.operation_id = str(uuid.uuid4())
        waiting = current()
        if waiting is not None:
            waiting.operation.ids.append(request.operation_id)
        batches: list[pa.RecordBatch] = []
        for raw in self.stream("ExecutePlan")(request.SerializeToString()):
            response = base_pb2.ExecutePlanResponse.FromString(raw)
            if response.HasField("arrow_batch"):
                with pa.ipc.open_stream(response.arrow_batch.data) as reader:
                    batches.extend(reader)
        return pa.Table.from_batches(batches) if batches else None

    def run(self, key: SessionKey, command: commands_pb2.Command) -> None:
        """Run a command to its end."""
        self.execute(key, base_pb2.Plan(command=command))

    def query(self, key: SessionKey, sql: str) -> pa.Table | None:
        """Run a query that needs no rewriting."""
        return self.execute(key, base_pb2.Plan(root=relations_pb2.Relation(sql=relations_pb2.SQL(query=sql))))

    def analyze(self, key: SessionKey, **request: Any) -> base_pb2.AnalyzePlanResponse:
        """One analysis, for example `schema=` or `ddl_parse=`."""
        message = base_pb2.AnalyzePlanRequest(session_id=key.session_id, **request)
        message.user_context.user_id = key.user_id
        answer: base_pb2.AnalyzePlanResponse = self._asked(
            "AnalyzePlan", message.SerializeToString(), base_pb2.AnalyzePlanResponse
        )
        return answer

    def _asked(self, method: str, raw: bytes, kind: Any) -> Any:
        """The answer to a unary call that may be made twice."""
        ask = self.unary(method)
        return _again(lambda: kind.FromString(ask(raw)))

    def check(self, key: SessionKey, relation: relations_pb2.Relation) -> Any:
        """Have a relation analyzed; its schema as Spark Connect's `DataType`."""
        request = base_pb2.AnalyzePlanRequest.Schema(plan=base_pb2.Plan(root=relation))
        return self.analyze(key, schema=request).schema.schema

    def schema(self, key: SessionKey, relation: relations_pb2.Relation) -> Any:
        """The schema of a relation as a `pyspark.sql.types.StructType`."""
        from pyspark.sql.connect.types import proto_schema_to_pyspark_data_type

        return proto_schema_to_pyspark_data_type(self.check(key, relation))

    def configure(self, key: SessionKey, values: dict[str, str]) -> None:
        """Set configuration values of the session."""
        operation = base_pb2.ConfigRequest.Operation()
        for name, value in values.items():
            operation.set.pairs.add(key=name, value=value)
        self._config(key, operation)

    def unset(self, key: SessionKey, names: Iterable[str]) -> None:
        """Give configuration values of the session their defaults."""
        operation = base_pb2.ConfigRequest.Operation()
        operation.unset.keys.extend(names)
        self._config(key, operation)

    def configuration(self, key: SessionKey, name: str) -> str | None:
        """The engine's own value of a setting; None where it has none."""
        operation = base_pb2.ConfigRequest.Operation()
        operation.get_option.keys.append(name)
        pairs = self._config(key, operation).pairs
        return next((str(pair.value) for pair in pairs if pair.HasField("value")), None)

    def _config(self, key: SessionKey, operation: base_pb2.ConfigRequest.Operation) -> base_pb2.ConfigResponse:
        request = base_pb2.ConfigRequest(session_id=key.session_id, operation=operation)
        request.user_context.user_id = key.user_id
        raw = request.SerializeToString()
        answer: base_pb2.ConfigResponse = self._asked("Config", raw, base_pb2.ConfigResponse)
        if operation.WhichOneof("op_type") in ("set", "unset"):
            self.memory.configured(raw)
        return answer

    def close(self) -> None:
        """End the session's engine for good: a call that is late, as clients' releases are, starts no other."""
        with self._lock:
            self._closed = True
            self._disconnect()

    def _disconnect(self) -> None:
        if self._channel is not None:
            self._channel.close()
        if self._server is not None:
            self._server.kill()
        self._server = self._channel = None


def _patient(call: Any) -> Any:
    """A unary call that is made again where Sail has looked at a table's log while a commit was written (0.7.2)."""

    def asked(raw: bytes, **options: Any) -> Any:
        for _ in range(TRIES - 1):
            try:
                return call(raw, **options)
            except grpc.RpcError as error:
                if UNREADY not in str(error.details()):
                    raise
        return call(raw, **options)

    return asked


def _again(call: Callable[[], Any]) -> Any:
    """What a call gives that may be made twice: one answer in thousands cannot be read, of which the next is whole."""
    try:
        return call()
    except DecodeError:
        _log.warning("an answer of the engine could not be read; it is asked again", exc_info=True)
        return call()


def _end(stream: Any) -> None:
    """Cancel a call unless it has ended, and take what gRPC still has to say of it.

    A call that is read on its reader's thread is freed, with its connection, only when its last event has been taken;
    none is by a reader that stops early (grpcio 1.85).
    """
    stream.cancel()
    while stream._state.due:
        stream._consume_next_event()


def _channel(address: Address) -> grpc.Channel:
    if address.secure:
        return grpc.secure_channel(address.target, grpc.ssl_channel_credentials(), CHANNEL_OPTIONS)
    return grpc.insecure_channel(address.target, CHANNEL_OPTIONS)


def closed() -> SparkError:
    """The session was released while something was asked of it."""
    return SparkError("INVALID_HANDLE.SESSION_CLOSED", "The session was closed.", kind=RUNTIME, sql_state="HY000")


def died(engine: str, how: str) -> SparkError:
    """The engine of a session ended while it executed something."""
    return SparkError(
        "SPARK_ENGINE_ENDED",
        f"The Spark engine '{engine}' of this session {how}. The next query of the session starts a new one, with the "
        "session's settings, temporary views and registered functions; cached and checkpointed data is gone.",
        kind=RUNTIME,
        sql_state="58000",
    )
