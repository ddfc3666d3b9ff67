"""Errors as gRPC statuses, whose details make pyspark raise the right exception."""

from __future__ import annotations

import logging
import re
from typing import Any

import grpc
from google.protobuf import any_pb2
from google.protobuf.message import DecodeError
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from brickyard.workspace.compute.engines import Capabilities
from brickyard.workspace.compute.gateway.admission import NotAdmitted
from brickyard.workspace.compute.gateway.engine_errors import describe, named
from brickyard.workspace.compute.gateway.errors import PARSE, RUNTIME, SparkError, Unsupported

__all__ = ["status_of", "unwrapped"]

#: What `raise_error` says of a condition that the gateway has put into a query.
RAISED = re.compile(r"\[USER_RAISED_EXCEPTION\] (\[[A-Z_.]+\] .*? SQLSTATE: \w{5})", re.DOTALL)
_log = logging.getLogger(__name__)
#: What protobuf says of bytes that are no message; of one with too many levels it says something else.
CORRUPT = "Wire format was corrupt"
NOT_READ = (
    "A message between the client, the gateway and the Spark engine could not be read. What was asked for may have "
    "been done: look before you repeat it. The session is still usable."
)


def status_of(error: Exception, engine: Capabilities) -> Any:
    """The gRPC status of any error: of the gateway, of the engine, of delta-rs or of the files.

    Args:
        error: What was raised.
        engine: What has raised it, perhaps; Apache Spark's own errors need no other words.
    """
    if isinstance(error, NotAdmitted):
        return rpc_status.to_status(status_pb2.Status(code=code_pb2.UNAUTHENTICATED, message=str(error)))
    if isinstance(error, grpc.RpcError):
        known = rpc_status.from_call(error)
        if known is not None and known.details:
            return rpc_status.to_status(unwrapped(known) if engine.is_spark else named(known))
    if isinstance(error, Unsupported):
        return _status(error.on(engine.name))
    return _status(_in_spark_s_terms(error))


def unwrapped(status: Any) -> Any:
    """An error of Spark as it is; what the gateway has Spark raise for a value that does not fit, by its own name."""
    found = RAISED.match(status.message)
    if found is None:
        return status
    status.message = found[1]
    return named(status)


def _in_spark_s_terms(error: Exception) -> SparkError:
    from deltalake.exceptions import DeltaError

    if isinstance(error, SparkError):
        return error
    if isinstance(error, DecodeError) and CORRUPT in str(error):
        _log.error("a message could not be read", exc_info=error)
        return SparkError("INTERNAL_ERROR", NOT_READ, kind=RUNTIME, sql_state="XX000")
    if isinstance(error, RecursionError | DecodeError):  # protobuf reads 100 levels
        _log.warning("a statement was too complex", exc_info=error)
        why = type(error).__name__
        text = f"The statement was too complex to parse ({why}). Divide it into several, less complex ones."
        return SparkError("FAILED_TO_PARSE_TOO_COMPLEX", text, kind=PARSE, sql_state="54001")
    if isinstance(error, DeltaError):
        return SparkError("DELTA_ERROR", str(error))
    if isinstance(error, OSError):
        return SparkError("FAILED_READ_OR_WRITE", f"The files could not be used: {error}", kind=RUNTIME)
    if isinstance(error, grpc.RpcError):
        return _without_reason(error)
    _log.error("the Spark gateway failed", exc_info=error)
    text = f"The gateway failed ({type(error).__name__}: {error}). The session is still usable."
    return SparkError("INTERNAL_ERROR", text, kind=RUNTIME, sql_state="XX000")


def _without_reason(error: grpc.RpcError) -> SparkError:
    """A panic of the engine ends the stream with CANCELLED and no details: the client would show gRPC internals."""
    return SparkError(
        "INTERNAL_ERROR",
        "The Spark engine 'sail' failed inside this operation and gave no reason "
        f"({error.code().name}: {error.details()}). The session is still usable. Rewrite the expression, "
        "or use pandas for this step (df.toPandas(), mapInPandas).",
        kind=RUNTIME,
        sql_state="XX000",
    )


def _status(error: SparkError) -> Any:
    info = error_details_pb2.ErrorInfo()
    describe(info, error)
    detail = any_pb2.Any()
    detail.Pack(info)
    status = status_pb2.Status(code=code_pb2.INTERNAL, message=str(error), details=[detail])
    return rpc_status.to_status(status)
