"""`python -m tests.conformance sc://HOST:PORT [GROUP]`: record what Apache Spark on the JVM, with Delta, answers.

Its settings: `spark.sql.ansi.enabled=true`, `spark.sql.session.timeZone=UTC`, `spark.sql.sources.default=delta`, and
Delta's extension and catalog. `python -m tests.conformance sail [GROUP]` prints what is not right on Sail.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.conformance import engines, recorded
from tests.conformance.checks import CHECKS
from tests.conformance.model import Check
from tests.conformance.runner import Outcome, run, wanted


def main() -> int:
    """Record, or show."""
    checks = [check for check in CHECKS if len(sys.argv) < 3 or sys.argv[2] == "--keys" or check.group == sys.argv[2]]
    reference = recorded.load()
    if sys.argv[1] == "sail":
        with tempfile.TemporaryDirectory() as directory, engines.sail(Path(directory)) as (spark, home):
            _show(run(checks, spark, home, reference), {c.key: c for c in checks})
        return 0
    with engines.connect(sys.argv[1]) as (spark, home):
        found = run(checks, spark, home, {})
        recorded.save(f"Spark {spark.version}", checks, {key: outcome.found for key, outcome in found.items()})
    return 0


def _show(outcomes: dict[str, Outcome], checks: dict[str, Check]) -> None:
    reference = recorded.load()
    for key, outcome in outcomes.items():
        if "--keys" in sys.argv and outcome.verdict == "WRONG":
            print("KEY", repr(key))
        elif outcome.verdict != "right":
            print(f"{outcome.verdict} {key}\n   found  {outcome.found} {outcome.message[:160]!r}")
            print(f"   wanted {wanted(checks[key], reference)}")
    print({v: sum(o.verdict == v for o in outcomes.values()) for v in ("right", "named", "WRONG")}, len(outcomes))


if __name__ == "__main__":
    sys.exit(main())
