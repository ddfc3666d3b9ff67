"""How the checks came out on engines that `make test` does not start, and on which day."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.conformance.runner import Outcome

DIRECTORY = Path(__file__).with_name("ran")


@dataclass(frozen=True)
class Run:
    """The suite on one engine.

    Attributes:
        engine: `jvm` or `remote`.
        version: What it was.
        day: When, as `2026-11-28`.
        right: The keys of the checks that came out right.
        named: Those that ended with an error that says what is not supported.
        wrong: All others, each with what was found.
    """

    engine: str
    version: str
    day: str
    right: tuple[str, ...]
    named: tuple[str, ...]
    wrong: Mapping[str, str]

    def verdict(self, key: str) -> str:
        """How a check came out; empty for one that is younger than the run."""
        return "right" if key in self.right else "named" if key in self.named else "WRONG" if key in self.wrong else ""


def keep(engine: str, version: str, outcomes: Mapping[str, Outcome]) -> None:
    """Keep a run of today."""
    found = {verdict: [k for k, one in outcomes.items() if one.verdict == verdict] for verdict in ("right", "named")}
    wrong = {k: f"{one.found} {one.message[:80]}".strip() for k, one in outcomes.items() if one.verdict == "WRONG"}
    content = {"engine": engine, "version": version, "day": dt.datetime.now(dt.UTC).date().isoformat()}
    DIRECTORY.mkdir(exist_ok=True)
    text = json.dumps({**content, **found, "wrong": wrong}, ensure_ascii=False, indent=0)
    (DIRECTORY / f"{engine}.json").write_text(text + "\n")


def kept() -> list[Run]:
    """The runs that are kept, `jvm` first."""
    return [_read(file) for file in sorted(DIRECTORY.glob("*.json"))]


def _read(file: Path) -> Run:
    content = json.loads(file.read_text())
    return Run(**content | {"right": tuple(content["right"]), "named": tuple(content["named"])})
