"""Tests of the project's code; `spark` is any Spark Connect session, by SPARK_REMOTE."""

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))


@pytest.fixture(scope="session")
def spark():
    """A session; without SPARK_REMOTE a Spark Connect server is started in this process."""
    from pyspark.sql import SparkSession

    if "SPARK_REMOTE" in os.environ:
        yield SparkSession.builder.getOrCreate()
        return
    from pysail.spark import SparkConnectServer

    server = SparkConnectServer("127.0.0.1", 0)
    server.start(background=True)
    session = SparkSession.builder.remote("sc://{}:{}".format(*server.listening_address)).getOrCreate()
    yield session
    session.stop()  # before the server: a client whose server is gone tries for minutes to say goodbye
    server.stop()
