"""The gRPC service: lets a client in, makes its plans fit for Sail, and sends everything else on as it is."""

from __future__ import annotations

import contextlib
import itertools
import logging
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
from pyspark.sql.connect.proto import base_pb2

from brickyard.workspace.compute.engines import Engine
from brickyard.workspace.compute.gateway import semantics, uses, wire
from brickyard.workspace.compute.gateway.admission import Admission, Caller, admitted
from brickyard.workspace.compute.gateway.answers import has_been_run, of_sql, schema_with_rows, with_relation
from brickyard.workspace.compute.gateway.artifacts import Artifacts
from brickyard.workspace.compute.gateway.batches import in_parts
from brickyard.workspace.compute.gateway.caching.answers import KEEPING, keeping_answer, read_kept
from brickyard.workspace.compute.gateway.caching.keeping import prepare_view
from brickyard.workspace.compute.gateway.clones import copy_state, new_id
from brickyard.workspace.compute.gateway.commands import prepare
from brickyard.workspace.compute.gateway.errors import SparkError
from brickyard.workspace.compute.gateway.first_settings import Beginning, noticed
from brickyard.workspace.compute.gateway.global_views import GlobalViews
from brickyard.workspace.compute.gateway.names import SessionNames
from brickyard.workspace.compute.gateway.observed import attached
from brickyard.workspace.compute.gateway.plans import resolve
from brickyard.workspace.compute.gateway.sail import OPTIONS, SERVICE, Sail, SessionKey
from brickyard.workspace.compute.gateway.sent import decompress
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.sessions import Sessions
from brickyard.workspace.compute.gateway.sources.calls import relation_of
from brickyard.workspace.compute.gateway.statuses import status_of
from brickyard.workspace.compute.gateway.unresolved import explained

__all__ = ["Gateway"]

_log = logging.getLogger(__name__)
#: Calls that go on as they are, with what tells the session of each.
UNARY = {
    "FetchErrorDetails": base_pb2.FetchErrorDetailsRequest,
    "GetStatus": base_pb2.GetStatusRequest,
}
#: Calls that make no session, and need none to be there.
RELEASES = frozenset({"ReleaseSession", "ReleaseExecute"})
#: Calls about something that an earlier call has begun.
OF_KNOWN_SESSIONS = frozenset({"ReattachExecute", "FetchErrorDetails", "CloneSession"})
#: A stream holds one until its client has read it, and an interrupt needs one too.
THREADS = 64


class Gateway:
    """A Spark Connect endpoint on loopback, in front of an engine for each session.

    Args:
        engine: Starts the engines.
        admission: Says who may come in.
        scratch: A private directory.
        names: The catalog and schema of a new session.
        properties: The settings of a new session.
    """

    def __init__(
        self,
        engine: Engine,
        admission: Admission,
        scratch: Path,
        names: tuple[str, str],
        properties: Mapping[str, str] | None = None,
    ) -> None:
        self._engine = engine
        self._admission = admission
        self._names = names
        self._beginning = Beginning(properties or {})
        self._global_views = GlobalViews()
        self._artifacts = Artifacts(scratch / "artifacts")
        self.sessions = Sessions(self._new_session)
        self._server = grpc.server(ThreadPoolExecutor(THREADS, thread_name_prefix="gateway"), options=OPTIONS)
        handler = grpc.method_handlers_generic_handler(SERVICE.strip("/"), self._handlers())
        self._server.add_generic_rpc_handlers([handler])

    def start(self, address: str = "127.0.0.1:0", *others: str) -> int:
        """Listen at addresses, by default a free port of 127.0.0.1, and return the port of the first."""
        port, *_ = [self._server.add_insecure_port(one) for one in (address, *others)]
        self._server.start()
        return int(port)

    def add_import(self, entry: str) -> None:
        """Let Python functions of all sessions import from one more directory."""
        self._beginning.add_import(entry, self.sessions.all())

    def stop(self) -> None:
        """Stop listening; running calls are cut."""
        self._server.stop(None).wait()
        self._engine.close()

    def session(self, key: SessionKey) -> Session:
        """The state of one session, of which a call is being answered."""
        return self.sessions[key]

    def _new_session(self, key: SessionKey, caller: Caller) -> Session:
        names = SessionNames(*self._names)
        session = Session(key, Sail(self._engine), caller.catalog, caller.places, names, relation_of)
        session.cache.resolve, session.cache.prepare = resolve, prepare_view
        session.global_views = self._global_views
        self._beginning.begin(session)
        return session

    def _handlers(self) -> dict[str, Any]:
        handlers = {
            "ExecutePlan": grpc.unary_stream_rpc_method_handler(self._guard_stream("ExecutePlan", self._execute)),
            "ReattachExecute": grpc.unary_stream_rpc_method_handler(
                self._guard_stream("ReattachExecute", self._reattach)
            ),
            "AnalyzePlan": grpc.unary_unary_rpc_method_handler(self._guard("AnalyzePlan", self._analyze)),
            "Config": grpc.unary_unary_rpc_method_handler(self._guard("Config", self._config)),
            "AddArtifacts": grpc.stream_unary_rpc_method_handler(self._guard_upload(self._add_artifacts)),
            "CloneSession": grpc.unary_unary_rpc_method_handler(self._guard("CloneSession", self._clone)),
            "Interrupt": grpc.unary_unary_rpc_method_handler(self._guard("Interrupt", self._interrupt)),
            "ReleaseExecute": grpc.unary_unary_rpc_method_handler(self._guard("ReleaseExecute", self._release_execute)),
            "ReleaseSession": grpc.unary_unary_rpc_method_handler(self._guard("ReleaseSession", self._release)),
            "ArtifactStatus": grpc.unary_unary_rpc_method_handler(self._guard("ArtifactStatus", self._artifact_status)),
        }
        for method, request in UNARY.items():
            forward = self._guard(method, self._forward(method, request))
            handlers[method] = grpc.unary_unary_rpc_method_handler(forward)
        return handlers

    def _status(self, error: Exception) -> Any:
        return status_of(error, self._engine.capabilities)

    def _guard(self, method: str, call: Callable[[bytes], bytes]) -> Callable[..., Any]:
        """Ask who calls before, and give errors as Spark Connect does after."""

        def guarded(request: bytes, context: grpc.ServicerContext) -> Any:
            try:
                caller = admitted(self._admission, context.invocation_metadata())
                raw = wire.claimed(request, caller.name)
                if method in RELEASES:
                    return call(raw)
                with self._entered(method, raw, caller) as server_id:
                    return self._stamped(method, call(raw), server_id)
            except Exception as exc:  # a user reads every error in Spark's terms
                context.abort_with_status(self._status(exc))

        return guarded

    def _guard_upload(self, call: Callable[[Iterator[bytes]], bytes]) -> Callable[..., Any]:
        def guarded(requests: Iterator[bytes], context: grpc.ServicerContext) -> Any:
            try:
                caller = admitted(self._admission, context.invocation_metadata())
                first = wire.claimed(next(requests), caller.name)
                rest = (wire.claimed(raw, caller.name) for raw in requests)
                with self._entered("AddArtifacts", first, caller) as server_id:
                    return self._stamped("AddArtifacts", call(itertools.chain([first], rest)), server_id)
            except Exception as exc:
                context.abort_with_status(self._status(exc))

        return guarded

    def _guard_stream(self, method: str, call: Callable[..., Iterator[bytes]]) -> Callable[..., Iterator[bytes]]:
        def guarded(request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
            try:
                caller = admitted(self._admission, context.invocation_metadata())
                raw = wire.claimed(request, caller.name)
                with self._entered(method, raw, caller) as server_id:
                    for answer in call(raw, context):
                        yield self._stamped(method, answer, server_id)
            except Exception as exc:
                context.abort_with_status(self._status(exc))

        return guarded

    def _entered(self, method: str, raw: bytes, caller: Caller) -> contextlib.AbstractContextManager[str]:
        session_id, observed = wire.heading(method, raw)
        return self.sessions.used(
            SessionKey(caller.name, session_id), caller, observed, make=method not in OF_KNOWN_SESSIONS
        )

    def _stamped(self, method: str, answer: bytes, server_id: str) -> bytes:
        """The answer with the gateway's own id of the session; Spark has one itself."""
        return answer if self._engine.capabilities.is_spark else wire.stamped(method, answer, server_id)

    def _execute(self, raw: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        request = base_pb2.ExecutePlanRequest.FromString(raw)
        session = self.session(SessionKey.of(request))
        request.operation_id = request.operation_id or str(uuid.uuid4())
        with session.operations.attached(request.operation_id, frozenset(request.tags)) as call:
            context.add_callback(lambda: session.operations.disconnected(call))
            session = session.for_execution()
            session.changes = request.plan.HasField("command")
            try:
                files = session.cache.files() if session.changes else {}
                with explained(request.plan, session):
                    answers = self._answered(request, session)
                    yield from _ending(answers, lambda: _keep(request, session, files)) if session.changes else answers
            finally:
                session.let_go()

    def _answered(self, request: base_pb2.ExecutePlanRequest, session: Session) -> Iterator[bytes]:
        result = self._prepared(request, session)
        answers = self._answers(request, session, result)
        if session.observations:
            answers = itertools.chain([attached(next(answers), session.observations, session.rows)], answers)
        divisible = any(one.result_chunking_options.allow_arrow_batch_chunking for one in request.request_options)
        for answer in answers:
            yield from in_parts(answer, divisible=divisible)

    def _answers(self, request: base_pb2.ExecutePlanRequest, session: Session, result: Any) -> Iterator[bytes]:
        """The engine's answers to a plan that is fit for it; the gateway's own where there is nothing left to run."""
        run = has_been_run(request.plan)
        if not run and (result is None or session.sail.capabilities.is_spark):
            answers = schema_with_rows(session.sail.stream("ExecutePlan")(request.SerializeToString()))
            yield from answers if result is None else (with_relation(answer, result) for answer in answers)
            return
        command = request.plan.command.sql_command
        if not run:  # a query, whose errors are those of its analysis until its rows are asked for
            session.sail.check(session.key, command.input)
        session.operations.answered(request.operation_id)
        yield from of_sql(request, command.input if result is None else result)

    def _prepared(self, request: base_pb2.ExecutePlanRequest, session: Session) -> Any:
        """Make a plan fit for the engine; for SQL, the relation that the client is to go on with."""
        if session.sail.capabilities.own_names:
            return None
        decompress(request.plan)
        kind = request.plan.WhichOneof("op_type")
        shared = request.plan.command.create_dataframe_view.is_global  # with sessions that keep other rows
        if not (shared or session.sail.capabilities.is_spark):
            read_kept(request.plan, session)
        if kind == "command":
            return prepare(request.plan.command, session)
        if kind != "root":
            raise SparkError("CONNECT_INVALID_PLAN.CANNOT_PARSE", "The plan is empty.")
        resolve(request.plan.root, session)
        return None

    def _reattach(self, raw: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        request = base_pb2.ReattachExecuteRequest.FromString(raw)
        session = self.session(SessionKey.of(request))
        with session.operations.attached(request.operation_id) as call:
            context.add_callback(lambda: session.operations.disconnected(call))
            for answer in session.sail.stream("ReattachExecute")(raw):
                yield from in_parts(answer, divisible=False)

    def _interrupt(self, raw: bytes) -> bytes:
        request = base_pb2.InterruptRequest.FromString(raw)
        session = self.session(SessionKey.of(request))
        if session.sail.capabilities.is_spark:  # it stops them, and says so to those who wait for them
            return bytes(session.sail.unary("Interrupt")(raw))
        ids = session.operations.interrupt(request)
        answer = base_pb2.InterruptResponse(session_id=request.session_id, interrupted_ids=ids)
        answer.server_side_session_id = request.session_id
        return bytes(answer.SerializeToString())

    def _clone(self, raw: bytes) -> bytes:
        request = base_pb2.CloneSessionRequest.FromString(raw)
        source = self.session(SessionKey.of(request))
        request.new_session_id = new_id(request.new_session_id)
        key = SessionKey(source.key.user_id, request.new_session_id)
        answer = base_pb2.CloneSessionResponse(session_id=request.session_id, new_session_id=key.session_id)
        answer.server_side_session_id, answer.new_server_side_session_id = request.session_id, key.session_id
        if source.sail.capabilities.is_spark:
            source.sail.unary("CloneSession")(request.SerializeToString())
        caller = Caller(key.user_id, source.catalog, source.places)
        with self.sessions.used(key, caller, "", new=True) as server_id:
            if not source.sail.capabilities.is_spark:
                answer.new_server_side_session_id = server_id
            copy_state(source, self.session(key))
            self._artifacts.copy(source.key, self.session(key))
        return bytes(answer.SerializeToString())

    def _forward(self, method: str, request: Any) -> Callable[[bytes], bytes]:
        def forward(raw: bytes) -> bytes:
            session = self.session(SessionKey.of(request.FromString(raw)))
            return bytes(session.sail.unary(method)(raw))

        return forward

    def _analyze(self, raw: bytes) -> bytes:
        request = base_pb2.AnalyzePlanRequest.FromString(raw)
        session = self.session(SessionKey.of(request))
        asked = getattr(request, request.WhichOneof("analyze") or "spark_version")
        if "plan" in asked.DESCRIPTOR.fields_by_name and not session.sail.capabilities.own_names:
            decompress(asked.plan)
        if session.sail.capabilities.own_names:
            return bytes(session.sail.unary("AnalyzePlan")(raw))
        if request.WhichOneof("analyze") in KEEPING and not session.sail.capabilities.is_spark:
            return keeping_answer(request, session)
        if request.WhichOneof("analyze") in semantics.ASKED:
            version = base_pb2.AnalyzePlanRequest.SparkVersion()
            return semantics.answered(request, session.sail.analyze(session.key, spark_version=version))
        session = session.for_execution().for_analysis()
        try:
            with explained(request, session):
                resolve(request, session)
                answer: bytes = session.sail.unary("AnalyzePlan")(request.SerializeToString())
                return answer
        finally:
            session.let_go()

    def _config(self, raw: bytes) -> bytes:
        request = base_pb2.ConfigRequest.FromString(raw)
        session, operation = self.session(SessionKey.of(request)), request.operation
        kind = operation.WhichOneof("op_type")
        if uses.is_asked(operation):
            return uses.answer(session, request)
        if kind not in ("set", "unset") and not session.sail.capabilities.is_spark:
            return session.sail.memory.read(operation.SerializeToString(), lambda: session.sail.unary("Config")(raw))
        given = {pair.key: pair.value for pair in operation.set.pairs}
        session.before_setting(given)
        noticed(session, given)
        answer: bytes = session.sail.unary("Config")(raw)
        session.sail.memory.configured(raw)
        session.settings |= given
        session.after_unsetting(operation.unset.keys)
        return answer

    def _release(self, raw: bytes) -> bytes:
        request = base_pb2.ReleaseSessionRequest.FromString(raw)
        key = SessionKey.of(request)
        session = self.sessions.close(key)
        if session is not None:
            self._end(session)
        answer = base_pb2.ReleaseSessionResponse(session_id=request.session_id)
        return bytes(answer.SerializeToString())

    def end_idle(self, seconds: float) -> None:
        """End the sessions that nobody has used for so long."""
        for session in self.sessions.close_idle(seconds):
            try:
                self._end(session)
            except (grpc.RpcError, SparkError) as error:  # nothing of it is left here; the others have to end as well
                _log.warning("the engine was not told that the session %s ended: %s", session.key.session_id, error)

    def _end(self, session: Session) -> None:
        """Leave nothing of a session."""
        key = session.key
        try:
            if session.sail.capabilities.is_spark and session.sail.runs:
                request = base_pb2.ReleaseSessionRequest(session_id=key.session_id)
                request.user_context.user_id = key.user_id
                session.sail.unary("ReleaseSession")(request.SerializeToString())
        finally:
            session.close()
            self._artifacts.remove(key)

    def _release_execute(self, raw: bytes) -> bytes:
        """A client may say this after it has released the session, or of an engine that has died."""
        request = base_pb2.ReleaseExecuteRequest.FromString(raw)
        session = self.sessions.get(SessionKey.of(request))
        partly = request.HasField("release_until")  # a client says so of each answer
        if (
            session is not None
            and session.sail.runs
            and not (partly and session.operations.spares(request.operation_id))
            and not session.operations.was_answered(request.operation_id)
        ):
            with contextlib.suppress(SparkError):  # it has been closed meanwhile
                return bytes(session.sail.unary("ReleaseExecute")(raw))
        answer = base_pb2.ReleaseExecuteResponse(session_id=request.session_id, operation_id=request.operation_id)
        return bytes(answer.SerializeToString())

    def _add_artifacts(self, stream: Iterator[bytes]) -> bytes:
        first = next(stream)
        session = self.session(SessionKey.of(base_pb2.AddArtifactsRequest.FromString(first)))
        everything = itertools.chain([first], stream)
        if session.sail.capabilities.is_spark:
            return session.sail.upload(everything)
        return self._artifacts.add(map(base_pb2.AddArtifactsRequest.FromString, everything), self.session)

    def _artifact_status(self, raw: bytes) -> bytes:
        request = base_pb2.ArtifactStatusesRequest.FromString(raw)
        session = self.session(SessionKey.of(request))
        if session.sail.capabilities.is_spark:
            return bytes(session.sail.unary("ArtifactStatus")(raw))
        return self._artifacts.status(request, session.blobs)


def _keep(request: base_pb2.ExecutePlanRequest, session: Session, files: Any) -> None:
    """Note what a command has registered, and the files that it has changed."""
    session.sail.memory.executed(request)
    session.cache.changed_files(files)


def _ending(answers: Iterator[bytes], end: Callable[[], None]) -> Iterator[bytes]:
    """Answers, of which the last is given after `end`: the client goes on as soon as it has it."""
    held: bytes | None = None
    for answer in answers:
        if held is not None:
            yield held
        held = answer
    end()
    if held is not None:
        yield held
