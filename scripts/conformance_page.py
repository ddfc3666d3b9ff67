"""Write the table of the conformance suite into `docs/spark.md`: `python scripts/conformance_page.py`."""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "spark.md"
BEGIN, END = "<!-- conformance: begin -->\n", "<!-- conformance: end -->\n"
_INTRODUCTION = """Written by `python scripts/conformance_page.py`, which runs the suite (`tests/conformance`) on Sail
behind the gateway; do not edit. What is expected is what {reference} with Delta on the JVM answered (`python -m
tests.conformance sc://HOST:PORT` asks it again), or what a page of the vendor says, where the answer is Databricks' own
(*vendor*).
A *named error* says what is not supported and what to use instead.

| Checks of | Right on `sail` | Named error | Wrong | Checks | *vendor* | Answered by `jvm` |
|---|---|---|---|---|---|---|
"""


def page(outcomes: Mapping[str, Any]) -> str:
    """The section between the marks."""
    from tests.conformance import recorded
    from tests.conformance.checks import CHECKS
    from tests.conformance.model import SPARK

    groups: dict[str, Counter[str]] = {}
    for check in CHECKS:
        count = groups.setdefault(check.group, Counter())
        count.update([outcomes[check.key].verdict, "all", "jvm" if check.source == SPARK else "vendor"])
    total = sum(groups.values(), Counter[str]())
    lines = [_line(name, count) for name, count in groups.items()] + [_line("**all**", total)]
    share = f"\n{100 * total['right'] / total['all']:.1f} % are right.\n"
    rest = [_reason(key, one) for key, one in outcomes.items() if one.verdict != "right"]
    listed = "\n| Not right | What comes instead |\n|---|---|\n" + "".join(rest)
    return _INTRODUCTION.format(reference=recorded.engine()) + "".join(lines) + share + listed


def _line(name: str, count: Counter[str]) -> str:
    cells = [name, count["right"], count["named"], count["WRONG"], count["all"], count["vendor"], count["jvm"]]
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
