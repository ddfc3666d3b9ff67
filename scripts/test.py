"""All that CI runs: the tests in parallel, and beside them the checks of the source; `--coverage` says what is run."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Run pytest and, if it is asked for, print what the tests covered, which takes a fifth more of their time."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", default="3")
    parser.add_argument("--coverage", action="store_true")
    options, rest = parser.parse_known_args()
    environment = {
        k: v for k, v in os.environ.items() if not k.startswith(("DATABRICKS_", "MLFLOW_", "BRICKYARD_", "SPARK_"))
    }
    command = [sys.executable, "-m", "pytest", "-m", "not soak", "-n", options.workers, "--no-loadscope-reorder"]
    command += [*(["--cov", "--cov-report="] if options.coverage else []), "--durations=15", *rest]
    # Names that tests import are seen by the tests themselves.
    lint = [sys.executable, "scripts/lint.py", "--without", "names in tests"]
    with subprocess.Popen(lint, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as checks:
        subprocess.run([sys.executable, "-m", "tests.support.postgresql"], cwd=ROOT, env=environment, check=False)
        tests = subprocess.run(command, cwd=ROOT, env=environment, check=False)
        print(f"\nChecks of the source:\n{checks.communicate()[0]}", end="", flush=True)
    if options.coverage:
        report = [sys.executable, "-m", "coverage", "report", "--skip-covered", "--sort=cover"]
        tests = subprocess.run(report, cwd=ROOT, check=False) if tests.returncode == 0 else tests
    return tests.returncode or checks.returncode


if __name__ == "__main__":
    sys.exit(main())
