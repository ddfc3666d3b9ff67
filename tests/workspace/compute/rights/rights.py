"""People with tokens, Spark sessions and clients of their own, and what they are refused."""

from __future__ import annotations

import contextlib
import io
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import DatabricksError, PermissionDenied
from pyspark.errors import PySparkException

numbers = itertools.count(1)


@dataclass(frozen=True)
class Person:
    """Somebody with a token, a Spark session, and the official client."""

    name: str
    spark: Any
    w: WorkspaceClient


def stream(content: bytes) -> Any:
    return io.BytesIO(content)


def statement(person: Person, warehouse: str, sql: str) -> list[list[str]]:
    """Run a statement on the warehouse."""
    done = person.w.statement_execution.execute_statement(sql, warehouse, wait_timeout="50s")
    assert done.status is not None
    if done.status.error is not None:
        raise PermissionError(done.status.error.message)
    return (done.result.data_array or []) if done.result else []


def csv_file(schema: str) -> str:
    return f"/Volumes/{schema.replace('.', '/')}/files/a.csv"


def fresh(schema: str) -> str:
    return f"{schema}.made_{next(numbers)}"


@contextlib.contextmanager
def refused(what: str = "") -> Iterator[None]:
    """What is inside is refused, with the vendor's error class, in the words for what is missing."""
    with pytest.raises((PySparkException, DatabricksError, PermissionError)) as caught:
        yield
    said = str(caught.value)
    assert what in said, said
    if isinstance(caught.value, DatabricksError):
        assert isinstance(caught.value, PermissionDenied) and caught.value.error_code == "PERMISSION_DENIED", said
    elif isinstance(caught.value, PySparkException):
        assert caught.value.getCondition() == "INSUFFICIENT_PERMISSIONS", said
    else:
        assert said.startswith("[INSUFFICIENT_PERMISSIONS]"), said
