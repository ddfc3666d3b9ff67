"""A hundred Spark sessions in an hour: the processes that they leave, and what grows with every one.

Each is a process of a user's own: it connects, runs a Python function, appends to a Delta table, makes a temporary
view and a recursive query, and stops; every tenth is killed instead. Sessions of those are ended when idle, and
so is the engine, after the last. The table is made anew with every tenth: what grows with its
log is not of the sessions.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from _footprint import Footprint, Sample, halves, line, slope
from _timing import report
from noop_job import Api, workspace

PROCESSES_BAR, GROWTH_BAR, HELD_BAR = 0, 10.0, 5.0
SESSIONS, MINUTES, EVERY, IDLE_SECONDS = 100, 60.0, 10, 75
CLIENT = """
import os, signal, sys

from pyspark.sql import SparkSession
from pyspark.sql.functions import udf

spark = SparkSession.builder.getOrCreate()
number = int(sys.argv[1])
twice = udf(lambda n: 2 * n, "long")
rows = spark.range(1000).select("id", twice("id").alias("twice"))
assert rows.where("twice = 2 * id").count() == 1000
if number % 10 == 0:
    spark.sql("DROP TABLE IF EXISTS main.default.hour")
rows.write.mode("append").saveAsTable("main.default.hour")
rows.createOrReplaceTempView("seen")
assert spark.sql("SELECT count(*) FROM seen JOIN main.default.hour USING (id)").first()[0] == 1000 * (number % 10 + 1)
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
    idle = {f"BRICKYARD_SPARK_{what}_IDLE_SECONDS": str(IDLE_SECONDS) for what in ("SESSION", "ENGINE")}
    with tempfile.TemporaryDirectory() as directory, workspace(TMPDIR=directory, **idle) as api:
        footprint = Footprint(api.pid, api.root, Path(directory))
        samples = _many(api, footprint, sessions, 60 * minutes / sessions)
        time.sleep(2 * IDLE_SECONDS + 30 if minutes else 0)
        last = footprint.sample()
        print(f"after the idle time: {line(last)}", flush=True)
    _reports(samples, last, f"{sessions} sessions in {minutes:.0f} minutes")


def _many(api: Api, footprint: Footprint, sessions: int, pause: float) -> list[tuple[int, Sample]]:
    samples = []
    with tempfile.TemporaryDirectory() as directory:
        program = Path(directory) / "client.py"
        program.write_text(CLIENT)
        for number in range(sessions):
            begin = time.monotonic()
            _session(api, program, number)
            time.sleep(max(0.0, pause - (time.monotonic() - begin)))
            if number % EVERY == EVERY - 2:  # when no session is left, of those that were killed neither
                samples.append((number + 1, footprint.sample()))
                print(f"after {number + 1} sessions: {line(samples[-1][1])}", flush=True)
    return samples


def _session(api: Api, program: Path, number: int) -> None:
    environ = os.environ | {"SPARK_REMOTE": f"sc://localhost:{api.port}/;token={api.token}"}
    done = subprocess.run([sys.executable, str(program), str(number)], env=environ, capture_output=True, text=True)
    if (done.returncode != 0) != (number % EVERY == EVERY - 1):
        raise RuntimeError(done.stderr)


def _reports(samples: list[tuple[int, Sample]], last: Sample, run: str) -> None:
    first, later = halves(samples)
    for key in sorted({key for _, sample in samples for key in sample}):
        print(f"{key}: with every 100 sessions {slope(first, key):+.1f}, in the later half {slope(later, key):+.1f}")
    more = last["processes"] - samples[0][1]["processes"]
    report(f"processes more after {run} than after {EVERY - 1}", [more], PROCESSES_BAR, "processes")
    size = samples[0][1]["MB"]
    report(
        f"memory more with every 100 sessions, later half of {run} (of {size:.0f} MB)",
        [slope(later, "MB")],
        GROWTH_BAR,
        "MB",
    )
    held = [key for key in last if key.endswith((" descriptors", " threads")) or key == "temporary files"]
    most = max(slope(later, key) for key in held)
    report("descriptors, threads or temporary files more, of whichever grows most, likewise", [most], HELD_BAR, "")


if __name__ == "__main__":
    main()
