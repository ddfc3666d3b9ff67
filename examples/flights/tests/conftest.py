"""Tests of the project's code; `spark` is any Spark Connect session, by SPARK_REMOTE."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))


@pytest.fixture(scope="session")
def spark():
    """A session; without SPARK_REMOTE a Spark Connect server is started in this process."""
    import os

    from pyspark.sql import SparkSession

    if "SPARK_REMOTE" not in os.environ:
        from pysail.spark import SparkConnectServer

        server = SparkConnectServer("127.0.0.1", 0)
        server.start(background=True)
        os.environ["SPARK_REMOTE"] = "sc://127.0.0.1:%d" % server.listening_address[1]
    return SparkSession.builder.getOrCreate()
