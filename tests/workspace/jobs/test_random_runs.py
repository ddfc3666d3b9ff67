"""Random jobs through the real scheduler: failures, retries, time limits, cancelled tasks, conditions, repairs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brickyard.workspace.compute.tasks import TaskOutcome, TaskSpec
from brickyard.workspace.jobs.graph import Node, upstream
from tests.workspace.jobs.lab import BROKEN, OK, Lab, task
from tests.workspace.jobs.rules import GOOD, expected, graphs, result_of_run

ENDS = {"SUCCESS": OK, "FAILED": BROKEN, "TIMEDOUT": TaskOutcome("TIMEDOUT"), "CANCELED": TaskOutcome("CANCELED")}
CONDITIONS = {"true": ("EQUAL_TO", "1"), "false": ("EQUAL_TO", "2"), "": ("LESS_THAN", "no number")}


@dataclass
class Script:
    """How the attempts at a program end, one after the other, and its retries; the last end stays."""

    ends: list[str]
    retries: int
    on_timeout: bool
    asked: int = field(default=0)  # of the programs that ran
    foreseen: int = field(default=0)  # of those that should have

    def outcome(self, _: TaskSpec) -> TaskOutcome:
        """The end of the next attempt."""
        self.asked += 1
        return ENDS[self._end(self.asked)]

    def foresee(self) -> str:
        """The end of the task, after as many attempts as its retries allow."""
        for _ in range(self.retries + 1):
            self.foreseen += 1
            end = self._end(self.foreseen)
            if end in ("SUCCESS", "CANCELED") or (end == "TIMEDOUT" and not self.on_timeout):
                break
        return end

    def _end(self, attempt: int) -> str:
        return self.ends[min(attempt, len(self.ends)) - 1]


scripts = st.builds(
    Script, st.lists(st.sampled_from(sorted(ENDS)), min_size=1, max_size=4), st.integers(0, 2), st.booleans()
)


@pytest.fixture(scope="module")
def random_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """One workspace for all examples."""
    made = Lab(tmp_path_factory.mktemp("random"))
    yield made
    made.workspace.close()


class Example:
    """A random job in the lab, with what is foreseen of it."""

    def __init__(self, lab: Lab, nodes: list[Node], data: st.DataObject) -> None:
        self.lab, self.nodes = lab, nodes
        programs = [node.key for node in nodes if node.key.startswith("t")]
        self.scripts = {key: data.draw(scripts) for key in programs}
        self.said = {node.key: data.draw(st.sampled_from(sorted(CONDITIONS))) for node in nodes if node.key[0] == "c"}
        lab.compute.behaviours = {key: script.outcome for key, script in self.scripts.items()}
        self.job_id = lab.job(*(self._task(node) for node in nodes))

    def own(self, key: str) -> str:
        """How a task ends that runs."""
        if key in self.scripts:
            return self.scripts[key].foresee()
        return "SUCCESS" if self.said[key] else "FAILED"

    def check(self, run_id: int, kept: dict[str, str] | None = None) -> dict[str, str]:
        """Every task has ended as foreseen, after as many attempts; answers the results."""
        foreseen = expected(self.nodes, self.own, self.said, kept)
        assert {key: one.state.result for key, one in self.lab.last(run_id).items()} == foreseen
        for key, script in self.scripts.items():
            assert script.asked == script.foreseen, f"attempts at {key}"
        assert self.lab.jobs.run(run_id)[0].state.result == result_of_run(self.nodes, foreseen)
        return foreseen

    def _task(self, node: Node) -> dict[str, Any]:
        before = [{"task_key": key} | _outcome(node.wanted.get(key)) for key in node.depends_on]
        common = {"depends_on": before, "run_if": node.run_if}
        if node.key in self.said:
            op, right = CONDITIONS[self.said[node.key]]
            return {"task_key": node.key, "condition_task": {"op": op, "left": "1", "right": right}} | common
        script = self.scripts[node.key]
        return task(node.key, **common, max_retries=script.retries, retry_on_timeout=script.on_timeout)


def _outcome(wanted: str | None) -> dict[str, str]:
    return {"outcome": wanted} if wanted else {}


@settings(max_examples=60, deadline=None)
@given(graphs(12), st.data())
def test_random_runs_and_repairs_end_by_the_rules(random_lab: Lab, nodes: list[Node], data: st.DataObject) -> None:
    example = Example(random_lab, nodes, data)
    run_id = random_lab.ended(random_lab.run(example.job_id)).run_id
    results = example.check(run_id)
    latest = None
    for _ in range(data.draw(st.integers(0, 3))):
        failed = {key for key, result in results.items() if result not in GOOD}
        named = data.draw(st.lists(st.sampled_from(sorted(results)), unique=True))
        dependent = data.draw(st.booleans())
        if not named and not failed:
            break
        body = {"rerun_tasks": named} if named else {"rerun_all_failed_tasks": True}
        chosen = set(named) or failed
        behind = {one.key for one in nodes if upstream(nodes, one.key) & chosen}
        again = chosen | {key for key in behind if dependent or results[key] != "SUCCESS"}
        kept = {key: one for key, one in random_lab.last(run_id).items() if key not in again}
        body |= {"rerun_dependent_tasks": dependent} | ({"latest_repair_id": latest} if latest else {})
        latest = random_lab.jobs.repair(run_id, body)
        random_lab.ended(run_id)
        results = example.check(run_id, {key: str(one.state.result) for key, one in kept.items()})
        last = random_lab.last(run_id)
        assert kept == {key: last[key] for key in kept}, "what is not repaired is as it was"
        assert all(last[key].run_id > latest for key in again)
