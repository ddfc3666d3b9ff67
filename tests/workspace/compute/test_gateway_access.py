"""Who may use an engine, and that nothing is left of it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support import wait_for
from tests.workspace.compute.engine_support import Engine


def test_a_token_in_the_usual_place_works_for_localhost(engine: Engine) -> None:
    from pyspark.sql import SparkSession

    port = engine.url.split(":")[2].partition("/")[0]
    spark = SparkSession.builder.remote(f"sc://localhost:{port}/;token={engine.token}").create()
    assert spark.range(2).count() == 2
    spark.stop()


@pytest.mark.parametrize("parameter", ["", ";x-brickyard-token=wrong"])
def test_only_the_task_may_use_its_engine(engine: Engine, parameter: str) -> None:
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession

    spark = SparkSession.builder.remote(engine.url.partition(";")[0] + parameter).create()
    try:
        with pytest.raises(PySparkException, match="token"):
            spark.range(1).collect()
    finally:
        spark.stop()  # a session that stays active is asked by every later call of MLflow in this process


def test_a_killed_gateway_leaves_no_process(tmp_path: Any) -> None:
    import psutil

    engine = Engine(tmp_path)
    started = psutil.Process(engine.process.pid).children(recursive=True)
    assert len(started) == 3, "the fork server, the gateway and Sail"
    engine.close()
    wait_for(lambda: not any(process.is_running() for process in started))
