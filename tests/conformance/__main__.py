"""`python -m tests.conformance sc://HOST:PORT [GROUP]`: record what Apache Spark on the JVM, with Delta, answers.

Its settings: `spark.sql.ansi.enabled=true`, `spark.sql.session.timeZone=UTC`, `spark.sql.sources.default=delta`, and
Delta's extension and catalog. `python -m tests.conformance sail [GROUP]` prints what is not right on Sail.
`jvm` and `remote=sc://HOST:PORT` do so for these engines behind the gateway, and keep how all of it came out.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
from pathlib import Path

from tests.conformance import engines, ran, recorded
from tests.conformance.checks import CHECKS
from tests.conformance.model import Check
from tests.conformance.runner import Outcome, run, wanted


def main() -> int:
    """Record, or show."""
    engine, group = sys.argv[1], next((word for word in sys.argv[2:] if word != "--keys"), "")
    checks = [check for check in CHECKS if group in ("", check.group)]
    if engine.startswith("sc://"):
        with engines.connect(engine) as (spark, home):
            found = run(checks, spark, home, {})
            recorded.save(f"Spark {spark.version}", checks, {key: outcome.found for key, outcome in found.items()})
        return 0
    with tempfile.TemporaryDirectory() as directory, _behind_the_gateway(engine, Path(directory)) as (spark, home):
        outcomes = run(checks, spark, home, recorded.load())
        if engine != "sail" and not group:
            ran.keep(engine.partition("=")[0], f"Spark {spark.version}", outcomes)
    _show(outcomes, {check.key: check for check in checks})
    return 0


def _behind_the_gateway(engine: str, root: Path) -> contextlib.AbstractContextManager[engines.Session]:
    if engine.startswith("remote="):
        return engines.passed_on(root, engine.partition("=")[2])
    return engines.jvm(root) if engine == "jvm" else engines.sail(root)


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
