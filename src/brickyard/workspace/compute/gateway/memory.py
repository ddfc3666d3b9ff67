"""What makes up a session in its engine, kept so that it can be made again in another."""

from __future__ import annotations

import sys
import threading
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import grpc
from pyspark.sql.connect.proto import base_pb2

from brickyard.workspace.compute.engines import EngineServer

__all__ = ["Memory"]

SERVICE = "/spark.connect.SparkConnectService/"
#: Commands that register something under a name; a later one of the same kind and name takes its place.
REGISTERING = ("create_dataframe_view", "register_function", "register_table_function", "register_data_source")
#: So many different questions about settings are remembered.
QUESTIONS = 256
NAME_FIELDS = {"register_function": "function_name", "register_table_function": "function_name"}


class Memory:
    """The settings, temporary views, functions and imports of one session.

    Attributes:
        imports: What Python functions import from.
        files: The directory that they work in; empty where the client has sent them no files.
    """

    def __init__(self) -> None:
        self.imports: list[str] = []
        self.files = ""
        self._settings: dict[str, str] = {}
        self._read: dict[bytes, bytes] = {}
        self._changes = 0
        self._commands: dict[tuple[str, str], bytes] = {}
        self._whose = base_pb2.ConfigRequest()
        self._lock = threading.Lock()

    def begin(self, user_id: str, session_id: str) -> None:
        """Say whose session it is."""
        self._whose.user_context.user_id, self._whose.session_id = user_id, session_id

    def configured(self, raw: bytes) -> None:
        """Remember what a Config call has set."""
        request = base_pb2.ConfigRequest.FromString(raw)
        for key in request.operation.unset.keys:
            self._settings.pop(key, None)
        self.set_all({pair.key: pair.value for pair in request.operation.set.pairs})

    def read(self, question: bytes, ask: Callable[[], bytes]) -> bytes:
        """The engine's answer to a question about settings, for which it is asked again when one has been changed.

        Clients ask before each `collect()` and `toPandas()`.
        """
        changes, known = self._changes, self._read.get(question)
        if known is not None:
            return known
        answer = ask()
        with self._lock:
            if changes == self._changes and len(self._read) < QUESTIONS:
                self._read[question] = answer
        return answer

    def _changed(self) -> None:
        with self._lock:
            self._changes += 1
            self._read.clear()

    def set_all(self, values: Mapping[str, str]) -> None:
        """Remember settings; a new engine begins with them."""
        for key, value in values.items():
            self._settings[key] = value
        self._changed()

    def learn(self, other: Memory) -> None:
        """Remember what another session does."""
        self.set_all(other._settings)
        self._commands.update(other._commands)
        self.imports.extend(other.imports)
        self.files = other.files

    def executed(self, request: base_pb2.ExecutePlanRequest) -> None:
        """Remember a plan, if it registers something."""
        key = _registered(request)
        if key is None:
            return
        with self._lock:
            self._commands.pop(key, None)  # the order is that of the last registration
            self._commands[key] = request.SerializeToString()

    def has_function(self, name: str) -> bool:
        """Whether a function of that name was registered."""
        return any((kind, name.lower()) in self._commands for kind in NAME_FIELDS)

    def functions(self) -> frozenset[str]:
        """The names of the functions that were registered, in lower case."""
        return frozenset(name for kind, name in self._commands if kind in NAME_FIELDS)

    def functions_in(self, text: bytes) -> bytes:
        """What tells the registered functions that a text names, as they are now, from others of these names."""
        named = [(key, raw) for key, raw in list(self._commands.items()) if key[0] in NAME_FIELDS]
        text = text.lower() if named else text
        used = sorted((key[1], raw) for key, raw in named if key[1].encode() in text)
        plans = [base_pb2.ExecutePlanRequest.FromString(raw).plan for _, raw in used]
        return b"\0".join(plan.SerializeToString(deterministic=True) for plan in plans)

    def setting(self, key: str) -> str:
        """The engine's value of a setting that was set; empty for others."""
        return self._settings.get(key, "")

    def replay(self, channel: grpc.Channel, server: EngineServer) -> None:
        """Make a new engine what the one before was."""
        for entry in self.imports:
            server.import_from(entry)
        if self.files:
            server.work_in(self.files)
        metadata = server.address.metadata
        if self._settings:
            channel.unary_unary(SERVICE + "Config")(self._configuration(), metadata=metadata)
        for key, raw in list(self._commands.items()):
            request = base_pb2.ExecutePlanRequest.FromString(raw)
            request.operation_id, request.session_id = str(uuid.uuid4()), self._whose.session_id
            request.ClearField("client_observed_server_side_session_id")
            try:
                list(channel.unary_stream(SERVICE + "ExecutePlan")(request.SerializeToString(), metadata=metadata))
            except grpc.RpcError as error:
                self._forget(key, error)

    def _configuration(self) -> bytes:
        request = base_pb2.ConfigRequest()
        request.CopyFrom(self._whose)
        for key, value in list(self._settings.items()):
            request.operation.set.pairs.add(key=key, value=value)
        return bytes(request.SerializeToString())

    def _forget(self, key: tuple[str, str], error: Any) -> None:
        del self._commands[key]
        what = f"{key[1]} could not be made again: {error.details()}"
        sys.stderr.write(f"After the restart of the Spark engine, {what}\n")


def _registered(request: base_pb2.ExecutePlanRequest) -> tuple[str, str] | None:
    kind = request.plan.command.WhichOneof("command_type") if request.plan.HasField("command") else None
    if kind not in REGISTERING:
        return None
    name = str(getattr(getattr(request.plan.command, kind), NAME_FIELDS.get(kind, "name")))
    return kind, name.lower()
