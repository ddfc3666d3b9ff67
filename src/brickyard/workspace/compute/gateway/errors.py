"""Errors as Spark Connect carries them: a condition, a message, and the exception class the client raises."""

from __future__ import annotations

import json
from typing import Any

import grpc
from google.protobuf import any_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

__all__ = ["SparkError", "already_exists", "not_found", "parse_error", "status_of", "unsupported"]

ANALYSIS = "org.apache.spark.sql.AnalysisException"
PARSE = "org.apache.spark.sql.catalyst.parser.ParseException"
UNSUPPORTED = "java.lang.UnsupportedOperationException"
RUNTIME = "org.apache.spark.SparkRuntimeException"


class SparkError(Exception):
    """An error that the client raises as `AnalysisException`, `ParseException` or similar.

    Args:
        condition: The error class of Databricks, for example `TABLE_OR_VIEW_NOT_FOUND`.
        message: What happened and what to do, without the condition.
        kind: The JVM class name that pyspark maps to a Python exception.
        sql_state: The five-character SQLSTATE of the condition, if it has one.
    """

    def __init__(self, condition: str, message: str, *, kind: str = ANALYSIS, sql_state: str = "") -> None:
        text = f"[{condition}] {message}"
        super().__init__(f"{text} SQLSTATE: {sql_state}" if sql_state else text)
        self.condition = condition
        self.kind = kind
        self.sql_state = sql_state


def not_found(what: str, name: str) -> SparkError:
    """A table, schema or catalog that does not exist (`what` is the noun of the error class)."""
    condition, state = {
        "table": ("TABLE_OR_VIEW_NOT_FOUND", "42P01"),
        "schema": ("SCHEMA_NOT_FOUND", "42704"),
        "catalog": ("NO_SUCH_CATALOG_EXCEPTION", "42704"),
        "volume": ("UC_VOLUME_NOT_FOUND", "42704"),
        "path": ("PATH_NOT_FOUND", "42K03"),
    }[what]
    if what == "path":
        return SparkError(condition, f"Path does not exist: {name}.", sql_state=state)
    noun = "table or view" if what == "table" else what
    hint = "Check the spelling and the current catalog and schema."
    return SparkError(condition, f"The {noun} {name} cannot be found. {hint}", sql_state=state)


def already_exists(what: str, name: str) -> SparkError:
    """A table, schema or catalog that is there already."""
    condition = {"table": "TABLE_OR_VIEW_ALREADY_EXISTS", "schema": "SCHEMA_ALREADY_EXISTS"}.get(
        what, "CATALOG_ALREADY_EXISTS"
    )
    return SparkError(
        condition,
        f"Cannot create {what} {name} because it already exists. "
        "Choose another name, drop it, or use IF NOT EXISTS or OR REPLACE.",
        sql_state="42P07",
    )


def unsupported(construct: str, instead: str) -> SparkError:
    """A construct that the engine cannot run; `instead` says what to use."""
    return SparkError(
        "UNSUPPORTED_BY_ENGINE",
        f"The Spark engine 'sail' of this local workspace does not support {construct}. {instead}",
        kind=UNSUPPORTED,
        sql_state="0A000",
    )


def parse_error(detail: str) -> SparkError:
    """SQL that cannot be parsed."""
    return SparkError("PARSE_SYNTAX_ERROR", detail, kind=PARSE, sql_state="42601")


def status_of(error: Exception) -> Any:
    """The gRPC status whose details make pyspark raise the right exception.

    Errors of files (`OSError`) and of Sail (`grpc.RpcError`) are said in Spark's terms.
    """
    if isinstance(error, grpc.RpcError):
        return _of_engine(error)
    if not isinstance(error, SparkError):
        error = SparkError("FAILED_READ_OR_WRITE", f"The files could not be used: {error}", kind=RUNTIME)
    info = error_details_pb2.ErrorInfo(reason=error.kind, domain="org.apache.spark")
    info.metadata["classes"] = json.dumps([error.kind, "java.lang.Exception"])
    info.metadata["errorClass"] = error.condition
    if error.sql_state:
        info.metadata["sqlState"] = error.sql_state
    detail = any_pb2.Any()
    detail.Pack(info)
    status = status_pb2.Status(code=code_pb2.INTERNAL, message=str(error), details=[detail])
    return rpc_status.to_status(status)


def _of_engine(error: grpc.RpcError) -> Any:
    """The status of an error that Sail reported, made readable where Sail's own text is not.

    A panic of the engine ends the stream with CANCELLED and no details: the client would show gRPC internals.
    """
    known = rpc_status.from_call(error)
    if known is not None and known.details:
        return rpc_status.to_status(_named(known))
    return status_of(
        SparkError(
            "INTERNAL_ERROR",
            "The Spark engine 'sail' failed inside this operation and gave no reason "
            f"({error.code().name}: {error.details()}). The session is still usable. Rewrite the expression, "
            "or use pandas for this step (df.toPandas(), mapInPandas).",
            kind=RUNTIME,
            sql_state="XX000",
        )
    )


def _named(status: Any) -> Any:
    """Name a missing column as Databricks does; say which engine refuses what it does not implement."""
    if status.message.startswith("attribute ObjectName("):
        words = status.message.split('"')[1::2]
        name = ".".join(f"`{word}`" for word in words)
        status.message = f"[UNRESOLVED_COLUMN] A column with the name {name} cannot be resolved. SQLSTATE: 42703"
    for detail in status.details:
        info = error_details_pb2.ErrorInfo()
        if detail.Unpack(info) and info.reason.endswith("UnsupportedOperationException"):
            status.message = str(unsupported(status.message, "Use another construct, or pandas for this step."))
    return status
