"""What a client is answered while a plan is executed, in as few messages as it takes.

Each message costs a client a call of its own, by which it says that it has read it.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from typing import Any

from pyspark.sql.connect.proto import base_pb2

__all__ = ["has_been_run", "of_sql", "schema_with_rows", "with_relation"]

#: A schema alone is not longer than this, except of tables with thousands of columns.
_LONGEST_BYTES = 1 << 16


def has_been_run(plan: base_pb2.Plan) -> bool:
    """Whether a command has been run here: the rows that it gave have taken its place."""
    command = plan.command.sql_command
    return command.HasField("input") and command.input.WhichOneof("rel_type") not in ("sql", "with_relations")


def of_sql(request: base_pb2.ExecutePlanRequest, relation: Any) -> Iterator[bytes]:
    """The answers to a command of which there is nothing left for the engine to do.

    Args:
        request: What was asked.
        relation: What the client is to go on with.
    """
    result, end = base_pb2.ExecutePlanResponse(), base_pb2.ExecutePlanResponse()
    result.sql_command_result.relation.CopyFrom(relation)
    end.result_complete.SetInParent()
    for answer in (result, end):
        answer.session_id, answer.operation_id = request.session_id, request.operation_id
        answer.server_side_session_id, answer.response_id = request.session_id, str(uuid.uuid4())
        yield bytes(answer.SerializeToString())


def with_relation(raw: bytes, relation: Any) -> bytes:
    """An engine's answer to SQL with the relation to go on with: the user's own, not the one made for the engine."""
    answer = base_pb2.ExecutePlanResponse.FromString(raw)
    if answer.HasField("sql_command_result"):
        answer.sql_command_result.relation.CopyFrom(relation)
    return bytes(answer.SerializeToString())


def schema_with_rows(answers: Iterable[bytes]) -> Iterator[bytes]:
    """An engine's answers, with a schema that comes by itself put into the answer after it.

    In the wire format of Protocol Buffers two messages one after the other are one, in which the later fields hold.
    """
    held = b""
    for number, raw in enumerate(answers):
        if number == 0 and _is_schema(raw):
            held = raw
            continue
        yield held + raw
        held = b""
    if held:
        yield held


def _is_schema(raw: bytes) -> bool:
    if len(raw) > _LONGEST_BYTES:
        return False
    answer = base_pb2.ExecutePlanResponse.FromString(raw)
    return answer.HasField("schema") and answer.WhichOneof("response_type") is None
