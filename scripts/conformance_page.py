"""Write the table of the conformance suite into `docs/spark.md`: `python scripts/conformance_page.py`."""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "spark.md"
BEGIN, END = "<!-- conformance: begin -->\n", "<!-- conformance: end -->\n"
_INTRODUCTION = """Written by `python scripts/conformance_page.py`, which runs the suite (`tests/conformance`) on Sail
behind the gateway; do not edit. What is expected is what {reference} with Delta on the JVM answered (`python -m
tests.conformance sc://HOST:PORT` asks it again), or what a page of the vendor says, where the answer is Databricks' own
(*vendor*). A *named error* says what is not supported and what to use instead.{runs}

| Checks of | Checks | *vendor* | `sail`: right | named error | wrong |{heads}
|---|---|---|---|---|---|{rules}
"""
_RUNS = """
The other engines, behind the gateway too, are not part of `make test`: right of the checks that there were
({engines}). `remote` has names and functions of its own: what is Unity Catalog's or the vendor's fails there."""


def page(outcomes: Mapping[str, Any]) -> str:
    """The section between the marks."""
    from tests.conformance import ran, recorded
    from tests.conformance.checks import CHECKS

    runs = ran.kept()
    groups: dict[str, list[Any]] = {}
    for check in CHECKS:
        groups.setdefault(check.group, []).append(check)
    lines = [_line(name, checks, outcomes, runs) for name, checks in groups.items()]
    lines.append(_line("**all**", CHECKS, outcomes, runs))
    right = sum(one.verdict == "right" for one in outcomes.values())
    share = f"\n{100 * right / len(outcomes):.1f} % are right.\n"
    rest = [_reason(key, one) for key, one in outcomes.items() if one.verdict != "right"]
    listed = "\n| Not right | What comes instead |\n|---|---|\n" + "".join(rest)
    return _introduction(recorded.engine(), runs) + "".join(lines) + share + listed


def _introduction(reference: str, runs: Sequence[Any]) -> str:
    engines = ", ".join(f"`{run.engine}`: {run.version}, {run.day}" for run in runs)
    heads = "".join(f" `{run.engine}`: right |" for run in runs)
    said = _RUNS.format(engines=engines) if runs else ""
    return _INTRODUCTION.format(reference=reference, runs=said, heads=heads, rules="---|" * len(runs))


def _line(name: str, checks: Sequence[Any], outcomes: Mapping[str, Any], runs: Sequence[Any]) -> str:
    from tests.conformance.model import SPARK

    count = Counter(outcomes[check.key].verdict for check in checks)
    vendor = sum(check.source != SPARK for check in checks)
    cells = [name, len(checks), vendor, count["right"], count["named"], count["WRONG"]]
    for run in runs:
        verdicts = [verdict for check in checks if (verdict := run.verdict(check.key))]
        cells.append(f"{verdicts.count('right')} of {len(verdicts)}")
    return "| " + " | ".join(map(str, cells)) + " |\n"


def _reason(key: str, outcome: Any) -> str:
    if outcome.message:
        found = outcome.message.partition("\n")[0].partition(" SQLSTATE")[0][:220]
    else:
        found = "**wrong:** " + ", ".join(outcome.found.get("rows") or [str(outcome.found)])[:120]
        found += " (" + ", ".join(outcome.found["types"]) + ")" if outcome.found.get("types") else ""
    return f"| {_cell(key)} | {_cell(found)} |\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def written(text: str, section: str) -> str:
    """The page with the section renewed."""
    before, _, rest = text.partition(BEGIN)
    return before + BEGIN + section + END + rest.partition(END)[2]


def main() -> int:
    """Run the suite and write the page."""
    sys.path.insert(0, str(ROOT))
    from tests.conformance import engines, recorded
    from tests.conformance.checks import CHECKS
    from tests.conformance.runner import run

    with tempfile.TemporaryDirectory() as directory, engines.sail(Path(directory)) as (spark, home):
        outcomes = run(CHECKS, spark, home, recorded.load())
    PAGE.write_text(written(PAGE.read_text(), page(outcomes)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
