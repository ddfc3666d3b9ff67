"""Whether two plans mean the same, as far as their text tells."""

from __future__ import annotations

import zlib
from typing import Any

from pyspark.sql.connect.proto import base_pb2

__all__ = ["ASKED", "answered", "essence"]

#: What Sail does not answer.
ASKED = frozenset({"semantic_hash", "same_semantics"})

#: What a client numbers or notes anew each time that it makes the same plan.
INCIDENTAL = ("common", "plan_id")


def answered(request: base_pb2.AnalyzePlanRequest, answer: base_pb2.AnalyzePlanResponse) -> bytes:
    """An answer of Sail with what is asked; `mlflow.data.from_spark` asks for a hash."""
    if request.HasField("semantic_hash"):
        answer.semantic_hash.result = zlib.crc32(essence(request.semantic_hash.plan)) - 2**31
    else:
        asked = request.same_semantics
        answer.same_semantics.result = essence(asked.target_plan) == essence(asked.other_plan)
    return bytes(answer.SerializeToString())


def essence(plan: Any) -> bytes:
    """What plans, or relations, that mean the same have in common."""
    copied = type(plan)()
    copied.CopyFrom(plan)
    _strip(copied)
    return bytes(copied.SerializeToString(deterministic=True))


def _strip(message: Any) -> None:
    for field, value in message.ListFields():
        if field.name in INCIDENTAL:
            message.ClearField(field.name)
        elif field.message_type is not None and not field.message_type.GetOptions().map_entry:
            for child in value if field.is_repeated else [value]:
                _strip(child)
