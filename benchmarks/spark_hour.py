"""A hundred Spark sessions in an hour: the processes that they leave, and the memory that grows.

Each is a process of a user's own: it connects, runs a Python function, appends to a Delta table, makes a temporary
view and a recursive query, and stops; every tenth is killed instead. Sessions of those are ended when idle.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
from _timing import report
from noop_job import Api, workspace

PROCESSES_BAR, GROWTH_BAR = 0, 20.0
SESSIONS, MINUTES, WARM_UP, IDLE_SECONDS = 100, 60.0, 9, 120
CLIENT = """
import os, signal, sys

from pyspark.sql import SparkSession
from pyspark.sql.functions import udf

spark = SparkSession.builder.getOrCreate()
number = int(sys.argv[1])
twice = udf(lambda n: 2 * n, "long")
rows = spark.range(1000).select("id", twice("id").alias("twice"))
assert rows.where("twice = 2 * id").count() == 1000
rows.write.mode("append").saveAsTable("main.default.hour")
rows.createOrReplaceTempView("seen")
assert spark.sql("SELECT count(*) FROM seen JOIN main.default.hour USING (id)").first()[0] == 1000 * (number + 1)
steps = "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 20) SELECT sum(n) FROM r"
assert spark.sql(steps).first()[0] == 210
if number % 10 == 9:
    os.kill(os.getpid(), signal.SIGKILL)
spark.stop()
"""


def main() -> None:
    """Measure and print; the first argument is for how many minutes, the second how many sessions."""
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else MINUTES
    sessions = int(sys.argv[2]) if len(sys.argv) > 2 else SESSIONS
    os.environ["BRICKYARD_SPARK_SESSION_IDLE_SECONDS"] = str(IDLE_SECONDS)
    os.environ["BRICKYARD_SPARK_ENGINE_IDLE_SECONDS"] = "0"
    with workspace() as api, tempfile.TemporaryDirectory() as directory:
        program = Path(directory) / "client.py"
        program.write_text(CLIENT)
        states = _many(api, program, sessions, 60 * minutes / sessions)
        time.sleep(IDLE_SECONDS + 60)
        states.append(_state(api.pid))
    (before, start), (after, end) = states[WARM_UP - 1], states[-1]
    more = f"after {sessions} sessions in {minutes:.0f} minutes than after {WARM_UP}"
    report(f"processes more {more}", [after - before], PROCESSES_BAR, "processes")
    report(f"memory more {more} (of {start:.0f} MB)", [end - start], GROWTH_BAR, "MB")


def _many(api: Api, program: Path, sessions: int, pause: float) -> list[tuple[int, float]]:
    environ = os.environ | {"SPARK_REMOTE": f"sc://localhost:{api.port}/;token={api.token}"}
    states = []
    for number in range(sessions):
        begin = time.monotonic()
        killed = number % 10 == 9
        done = subprocess.run([sys.executable, str(program), str(number)], env=environ, capture_output=True, text=True)
        if (done.returncode != 0) != killed:
            raise RuntimeError(done.stderr)
        time.sleep(max(0.0, pause - (time.monotonic() - begin)))
        states.append(_state(api.pid))
    return states


def _state(pid: int) -> tuple[int, float]:
    """How many processes a workspace has, and how much memory is theirs alone, in MB."""
    server = psutil.Process(pid)
    found = {process.pid: process.memory_full_info().uss / 1e6 for process in _living(server)}
    each = ", ".join(f"{pid} {size:.1f}" for pid, size in found.items())
    print(f"{len(found)} processes, {sum(found.values()):.1f} MB ({each})", flush=True)
    return len(found), sum(found.values())


def _living(server: psutil.Process) -> list[psutil.Process]:
    return [server, *server.children(recursive=True)]


if __name__ == "__main__":
    main()
