"""Random jobs whose workspace ends at any moment and starts again: what ended stands, what is lost says so."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from brickyard.workspace.jobs.graph import Node
from brickyard.workspace.jobs.records import TaskRecord
from brickyard.workspace.jobs.states import INTERRUPTED
from tests.support import wait_for
from tests.workspace.jobs.lab import Lab, task
from tests.workspace.jobs.rules import expected, graphs, result_of_run
from tests.workspace.jobs.test_random_runs import ENDS

MOST_STEPS = 60


@pytest.fixture(scope="module")
def killed_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """One workspace for all examples."""
    made = Lab(tmp_path_factory.mktemp("killed"))
    yield made
    made.workspace.close()


class Play:
    """A run whose programs end when and as the example says.

    Attributes:
        ended: How attempts were made to end, by their run id.
        started: The run ids of all programs that were started, in all lives of the workspace.
    """

    def __init__(self, lab: Lab, nodes: list[Node], retries: dict[str, int]) -> None:
        self.lab, self.nodes, self.retries = lab, nodes, retries
        self.ended: dict[int, str] = {}
        self.started: list[int] = []
        self._hold()
        self.run_id = lab.run(lab.job(*(self._task(node) for node in nodes)))

    def running(self) -> list[TaskRecord] | None:
        """The attempts that run and were not made to end; nothing once the run has ended."""

        def look() -> list[TaskRecord] | bool:
            if self.lab.jobs.run(self.run_id)[0].state.ended:
                return True
            known = {spec.run_id for spec in self.lab.compute.started}
            tasks = [one for one in self.lab.jobs.tasks(self.run_id) if one.state.life_cycle == "RUNNING"]
            return [one for one in tasks if one.run_id in known - self.ended.keys()]

        found = wait_for(look)
        return found if isinstance(found, list) else None

    def finish(self, one: TaskRecord, how: str) -> None:
        """End a program, which leaves its result as a real one does, before the workspace knows."""
        self.ended[one.run_id] = how
        if how == "CANCELED":
            self.lab.jobs.cancel(one.run_id)
        else:
            self.lab.leave_result(one.run_id, ENDS[how])
            self.lab.compute.finish(one.task_key, ENDS[how])

    def kill(self, left: dict[int, str]) -> None:
        """The workspace ends and starts again; some programs have left a result meanwhile."""
        for run_id, how in left.items():
            self.lab.leave_result(run_id, ENDS[how])
        self.ended |= left
        self.started += [spec.run_id for spec in self.lab.compute.started]
        self.lab.die()
        self._hold()
        self.lab.start()
        self.lab.jobs.recover()

    def check(self) -> None:
        """What the run says is what happened."""
        self.started += [spec.run_id for spec in self.lab.compute.started]
        assert len(set(self.started)) == len(self.started), "no attempt was started twice"
        attempts: dict[str, list[TaskRecord]] = {}
        for one in self.lab.jobs.tasks(self.run_id):
            attempts.setdefault(one.task_key, []).append(one)
            if one.run_id in self.ended:
                assert one.state.result == self.ended[one.run_id], "what was known stands"
            elif one.run_id in self.started:
                assert (one.state.result, one.state.message) == ("FAILED", INTERRUPTED), "what was lost says so"
        for key, of_task in attempts.items():
            assert all(one.state.result == "FAILED" for one in of_task[:-1]), "only failures are tried again"
            again = of_task[-1].state.result == "FAILED" and len(of_task) <= self.retries[key]
            assert not again, "its retries are not used up"
        results = {key: str(of_task[-1].state.result) for key, of_task in attempts.items()}
        assert results == expected(self.nodes, results.__getitem__, {})
        assert self.lab.jobs.run(self.run_id)[0].state.result == result_of_run(self.nodes, results)

    def _hold(self) -> None:
        self.lab.compute.behaviours = {node.key: lambda _: None for node in self.nodes}

    def _task(self, node: Node) -> dict[str, Any]:
        return task(node.key, *node.depends_on, run_if=node.run_if, max_retries=self.retries[node.key])


@settings(max_examples=25, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(graphs(6, conditions=False), st.data(), st.integers())
def test_random_runs_survive_random_kills(killed_lab: Lab, nodes: list[Node], data: st.DataObject, seed: int) -> None:
    play = Play(killed_lab, nodes, {node.key: data.draw(st.integers(0, 2)) for node in nodes})
    chance = random.Random(seed)  # what runs by now is a matter of time, which examples must not depend on
    for _ in range(MOST_STEPS):
        running = play.running()
        if running is None:
            break
        if chance.random() < 0.25:
            left = [one for one in running if chance.random() < 0.5]
            play.kill({one.run_id: chance.choice(["SUCCESS", "FAILED"]) for one in left})
        else:
            ends = ["SUCCESS", "SUCCESS", "FAILED", "TIMEDOUT", "CANCELED"]
            play.finish(chance.choice(running), chance.choice(ends))
    killed_lab.ended(play.run_id)
    play.check()


def test_task_that_was_being_cancelled_when_the_workspace_ended_is_cancelled(lab: Lab) -> None:
    lab.compute.behaviours["a"] = lambda _: None
    lab.compute.deaf = True  # it does not end at once
    run_id = lab.run(lab.job(task("a", max_retries=2), task("b", "a"), task("clean", "a", run_if="ALL_DONE")))
    lab.running("a")
    lab.jobs.cancel(lab.last(run_id)["a"].run_id)
    lab.die()
    lab.start()
    lab.jobs.recover()
    lab.ended(run_id)
    results = [(one.task_key, one.attempt, one.state.result) for one in lab.jobs.tasks(run_id)]
    assert results == [("a", 0, "CANCELED"), ("b", 0, "UPSTREAM_CANCELED"), ("clean", 0, "SUCCESS")]
