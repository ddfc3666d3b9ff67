"""The conformance suite: what Spark code gets here is what Databricks and Apache Spark answer, or a named error."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conformance import engines, recorded
from tests.conformance.checks import CHECKS
from tests.conformance.known import KNOWN
from tests.conformance.model import SPARK, Check
from tests.conformance.runner import Outcome, judged, run

ROOT = Path(__file__).parents[2]
BAR = 0.95
#: How a message says what to do instead.
ADVICE = ("use ", "repeat ", "choose ", "compute ", "give ", "compare ", "read ", "create ")
Outcomes = dict[str, Outcome]


GROUPS = list(dict.fromkeys(check.group for check in CHECKS))


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with engines.sail(tmp_path_factory.mktemp("conformance")) as found:
        yield found


@pytest.fixture(scope="module")
def known_outcomes() -> Outcomes:
    """What has been asked so far."""
    return {}


@pytest.fixture
def outcomes(known_outcomes: Outcomes, session: Any) -> Outcomes:
    """How all checks came out; those of the groups that have been asked are not asked again."""
    for group in GROUPS:
        ask(group, known_outcomes, session)
    return known_outcomes


def ask(group: str, known: Outcomes, session: Any) -> Outcomes:
    """How the checks of a group came out."""
    checks = [check for check in CHECKS if check.group == group]
    if any(check.key not in known for check in checks):
        known.update(run(checks, *session, recorded.load()))
    return {check.key: known[check.key] for check in checks}


def test_every_check_has_a_name_and_an_expectation_of_its_own() -> None:
    assert [key for key, count in Counter(check.key for check in CHECKS).items() if count > 1] == []
    answers = recorded.load()
    assert [check.key for check in CHECKS if check.source == SPARK and check.key not in answers] == []


@pytest.mark.parametrize("group", GROUPS)
def test_nothing_is_silently_wrong(group: str, known_outcomes: Outcomes, session: Any) -> None:
    found = ask(group, known_outcomes, session)
    assert {key: one for key, one in found.items() if one.verdict == "WRONG" and key not in KNOWN} == {}


def test_what_is_known_to_be_wrong_still_is(outcomes: Outcomes) -> None:
    mended = [key for key in KNOWN if key not in outcomes or outcomes[key].verdict == "right"]
    assert mended == [], "take them out of known.py"


def test_enough_is_right(outcomes: Outcomes) -> None:
    right = sum(outcome.verdict == "right" for key, outcome in outcomes.items() if key not in KNOWN)
    assert right >= BAR * (len(outcomes) - len(KNOWN))


def test_what_is_not_supported_says_so_and_what_to_use(outcomes: Outcomes) -> None:
    named = [outcome.message for outcome in outcomes.values() if outcome.verdict == "named"]
    silent = [message for message in named if not any(word in message.lower() for word in ADVICE)]
    assert silent == []


@pytest.mark.parametrize(
    ("found", "message", "verdict"),
    [
        ({"types": ["int"], "rows": ["(1)"]}, "", "right"),
        ({"types": ["bigint"], "rows": ["(1)"]}, "", "WRONG"),
        ({"error": "AnalysisException", "condition": ""}, "no", "WRONG"),
        ({"error": "UnsupportedOperationException", "condition": "UNSUPPORTED_BY_ENGINE"}, "Use x", "named"),
    ],
)
def test_an_outcome_is_judged(found: object, message: str, verdict: str) -> None:
    check = Check("g", "n", ["SELECT 1"])
    reference = {"g: n": {"types": ["int"], "rows": ["(1)"]}}
    assert judged(check, found, message, reference).verdict == verdict


@pytest.mark.skipif(engines.remote() is None, reason=f"{engines.REMOTE} names no Spark Connect server")
def test_the_reference_still_answers_the_same(tmp_path: Path) -> None:
    with engines.connect(str(engines.remote())) as (spark, home):
        found = run([check for check in CHECKS if check.source == SPARK], spark, home, recorded.load())
    assert [key for key, outcome in found.items() if outcome.verdict != "right"] == []


def test_the_page_says_how_the_checks_came_out(outcomes: Outcomes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(ROOT / "scripts"), *sys.path])
    import conformance_page

    text = conformance_page.PAGE.read_text()
    current = conformance_page.written(text, conformance_page.page(outcomes))
    assert text == current, "run `python scripts/conformance_page.py`"
