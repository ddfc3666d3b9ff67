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
#: The variable that says where Delta's jars for Apache Spark are.
JARS = "BRICKYARD_TEST_DELTA_JARS"


@contextlib.contextmanager
def sail(root: Path) -> Iterator[Session]:
    """A session of Sail behind the gateway, in a workspace of its own."""
    with _behind_the_gateway(root, None) as spark:
        yield spark, _homes(spark, "main.", "dbfs:/conformance")


@contextlib.contextmanager
def jvm(root: Path) -> Iterator[Session]:
    """A session of Apache Spark behind the gateway; `SPARK_HOME`, `JAVA_HOME` and `JARS` say where it is."""
    with _behind_the_gateway(root, {"name": "jvm", "jars": os.environ[JARS]}) as spark:
        yield spark, _homes(spark, "main.", "dbfs:/conformance")


@contextlib.contextmanager
def passed_on(root: Path, url: str) -> Iterator[Session]:
    """A session of a remote engine behind the gateway: names and paths are that server's."""
    with _behind_the_gateway(root, {"name": "remote", "url": url}) as spark, _own_schemas(spark) as home:
        yield spark, home


@contextlib.contextmanager
def connect(url: str) -> Iterator[Session]:
    """A session of any Spark Connect server without a gateway, as the reference is one."""
    from pyspark.sql import SparkSession

    spark = SparkSession.builder.remote(url).create()
    try:
        with _own_schemas(spark) as home:
            yield spark, home
    finally:
        spark.stop()


@contextlib.contextmanager
def _behind_the_gateway(root: Path, choice: dict[str, str] | None) -> Iterator[Any]:
    engine = Engine(root, choice=choice)
    spark = engine.client()
    try:
        yield spark
    finally:
        spark.stop()
        engine.close()


@contextlib.contextmanager
def _own_schemas(spark: Any) -> Iterator[Callable[[int], At]]:
    run = uuid.uuid4().hex[:8]
    with tempfile.TemporaryDirectory() as directory:
        try:
            yield _homes(spark, f"conformance_{run}_", f"file:{directory}")
        finally:
            for row in spark.sql(f"SHOW SCHEMAS LIKE 'conformance_{run}_*'").collect():
                spark.sql(f"DROP SCHEMA {row[0]} CASCADE")


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
