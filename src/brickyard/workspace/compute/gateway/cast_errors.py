"""The decimal that a text cannot be cast to: Sail reads it with more digits than were asked for, and names these."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import Any

from pyspark.sql.connect.proto import base_pb2

from brickyard.workspace.compute.gateway.errors import NUMBER_FORMAT, SparkError
from brickyard.workspace.compute.gateway.query_errors import MALFORMED
from brickyard.workspace.compute.gateway.sqltext import parse

__all__ = ["no_decimal"]

FAILED = re.compile(
    r"(?:.*Cast error: )?Cannot cast string '(.*)' to value of Decimal\S*\(\d+, -?\d+\) type", re.DOTALL
)


def no_decimal(said: str, raw: bytes) -> SparkError | None:
    """CAST_INVALID_INPUT with the digits that a plan asks for; nothing where it asks for several decimals, or none.

    Args:
        said: What Sail says.
        raw: The request to execute the plan.
    """
    failed = FAILED.match(said)
    kinds = set(_decimals(base_pb2.ExecutePlanRequest.FromString(raw).plan)) if failed else set()
    if failed is None or len(kinds) != 1:
        return None
    text = MALFORMED.format(said, failed[1], kinds.pop())
    return SparkError("CAST_INVALID_INPUT", text, kind=NUMBER_FORMAT, sql_state="22018")


def _decimals(message: Any) -> Iterator[str]:
    """The decimals that something below a message is cast to."""
    kind = message.DESCRIPTOR.name
    if kind == "Cast" and message.type.HasField("decimal"):
        yield f"DECIMAL({message.type.decimal.precision},{message.type.decimal.scale})"
    elif kind == "Cast" and message.type_str:
        yield from _in_text(f"CAST(a AS {message.type_str})")
    elif kind == "ExpressionString":
        yield from _in_text(message.expression)
    elif kind == "SQL":
        yield from _in_text(message.query)
    for field, value in message.ListFields():
        if field.message_type is not None and not field.message_type.GetOptions().map_entry:
            for child in value if field.is_repeated else [value]:
                yield from _decimals(child)


def _in_text(sql: str) -> Iterator[str]:
    from sqlglot import exp

    with contextlib.suppress(SparkError):  # what was read by other rules than a statement's
        for cast in parse(sql).find_all(exp.Cast):
            kinds = () if isinstance(cast, exp.TryCast) else cast.to.find_all(exp.DataType)
            yield from (_decimal(kind) for kind in kinds if kind.this == exp.DataType.Type.DECIMAL)


def _decimal(kind: Any) -> str:
    """A decimal as it is written in full."""
    digits = [one.name for one in kind.expressions]
    return f"DECIMAL({','.join([*digits, *['10', '0'][len(digits) :]])})"
