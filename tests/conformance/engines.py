"""The engines that the checks run on."""

from __future__ import annotations

import contextlib
import os
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.conformance.model import At
from tests.workspace.compute.engine_support import Engine

Session = tuple[Any, Callable[[int], At]]
#: The variable that says where a Spark Connect server without a gateway listens: `sc://host:port`.
REMOTE = "BRICKYARD_CONFORMANCE_REMOTE"


@contextlib.contextmanager
def sail(root: Path) -> Iterator[Session]:
    """A session of Sail behind the gateway, in a workspace of its own."""
    engine = Engine(root)
    spark = engine.client()
    try:
        yield spark, _homes(spark, "main.", "dbfs:/conformance")
    finally:
        spark.stop()
        engine.close()


@contextlib.contextmanager
def connect(url: str) -> Iterator[Session]:
    """A session of any Spark Connect server, as the reference is one."""
    from pyspark.sql import SparkSession

    spark = SparkSession.builder.remote(url).create()
    directory = tempfile.mkdtemp()
    run = uuid.uuid4().hex[:8]
    try:
        yield spark, _homes(spark, f"conformance_{run}_", f"file:{directory}")
    finally:
        for row in spark.sql(f"SHOW SCHEMAS LIKE 'conformance_{run}_*'").collect():
            spark.sql(f"DROP SCHEMA {row[0]} CASCADE")
        spark.stop()


def remote() -> str | None:
    """The server to run the checks on besides, if there is one."""
    return os.environ.get(REMOTE)


def _homes(spark: Any, prefix: str, directory: str) -> Callable[[int], At]:
    def home(number: int) -> At:
        schema = f"{prefix}c{number}"
        spark.sql(f"CREATE SCHEMA {schema}")
        spark.sql(f"USE {schema}")
        return At(schema, f"{directory}/c{number}")

    return home
