"""Calls that the gateway makes to Sail on its own behalf, inside the session of a client."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

import grpc
import pyarrow as pa
from pyspark.sql.connect.proto import base_pb2, commands_pb2, relations_pb2

__all__ = ["Sail", "SessionKey"]

SERVICE = "/spark.connect.SparkConnectService/"
#: Results travel as gRPC messages; Sail's own batches stay below 4 MiB, a client's local data may not.
OPTIONS = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


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
    """A channel to Sail: raw calls for forwarding, and typed calls for the gateway's own work."""

    def __init__(self, address: str) -> None:
        self._channel = grpc.insecure_channel(address, OPTIONS)

    def unary(self, method: str) -> Any:
        """A unary call that takes and gives bytes."""
        return self._channel.unary_unary(SERVICE + method)

    def stream(self, method: str) -> Any:
        """A call that takes bytes and gives a stream of bytes."""
        return self._channel.unary_stream(SERVICE + method)

    def execute(self, key: SessionKey, plan: base_pb2.Plan) -> pa.Table | None:
        """Run a plan to its end in the client's session; its rows, if it has any.

        Raises:
            grpc.RpcError: As Sail reports it.
        """
        request = base_pb2.ExecutePlanRequest(session_id=key.session_id, operation_id=str(uuid.uuid4()), plan=plan)
        request.user_context.user_id = key.user_id
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
        answer = base_pb2.AnalyzePlanResponse()
        answer.ParseFromString(self.unary("AnalyzePlan")(message.SerializeToString()))
        return answer

    def schema(self, key: SessionKey, relation: relations_pb2.Relation) -> Any:
        """The schema of a relation as a `pyspark.sql.types.StructType`."""
        from pyspark.sql.connect.types import proto_schema_to_pyspark_data_type

        request = base_pb2.AnalyzePlanRequest.Schema(plan=base_pb2.Plan(root=relation))
        return proto_schema_to_pyspark_data_type(self.analyze(key, schema=request).schema.schema)

    def configure(self, key: SessionKey, values: dict[str, str]) -> None:
        """Set configuration values of the session."""
        request = base_pb2.ConfigRequest(session_id=key.session_id)
        request.user_context.user_id = key.user_id
        for name, value in values.items():
            request.operation.set.pairs.add(key=name, value=value)
        self.unary("Config")(request.SerializeToString())

    def close(self) -> None:
        """Close the channel."""
        self._channel.close()
