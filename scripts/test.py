"""Run the tests as CI does: in parallel, with coverage of this process and of the ones it starts."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Run pytest, then print what the tests covered; fails below the floor in `pyproject.toml`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", default="4")
    options, rest = parser.parse_known_args()
    environment = {
        k: v for k, v in os.environ.items() if not k.startswith(("DATABRICKS_", "MLFLOW_", "BRICKYARD_", "SPARK_"))
    }
    command = [sys.executable, "-m", "pytest", "-m", "not soak", "-n", options.workers, "--no-loadscope-reorder"]
    command += ["--cov", "--cov-report=", "--durations=15", *rest]
    subprocess.run([sys.executable, "-m", "tests.support.postgresql"], cwd=ROOT, env=environment, check=False)
    tests = subprocess.run(command, cwd=ROOT, env=environment, check=False)
    if rest:
        return tests.returncode
    report = subprocess.run(
        [sys.executable, "-m", "coverage", "report", "--skip-covered", "--sort=cover"], cwd=ROOT, check=False
    )
    return tests.returncode or report.returncode


if __name__ == "__main__":
    sys.exit(main())
