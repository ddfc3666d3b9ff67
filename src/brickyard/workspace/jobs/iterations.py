"""The iterations of a loop over its attempts: a repair repeats those that failed, and the others stay as they were."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from brickyard.workspace.jobs.records import ITERATIONS, RunRecord, TaskRecord

__all__ = ["Loop", "failed", "whole"]

_GOOD = frozenset({"SUCCESS", "EXCLUDED", "DISABLED"})
#: The run of the iterations of one attempt, with the attempts at them.
Loop = tuple[RunRecord, list[TaskRecord]]


def failed(loops: Mapping[int, Loop], inputs: Sequence[Any]) -> tuple[str, ...]:
    """The iterations to repeat, by their keys; nothing where these are all.

    Args:
        loops: The loop as its earlier attempts have left it.
        inputs: What it iterates over now.
    """
    if not loops:
        return ()
    run, tasks = loops[max(loops)]
    if run.settings.get("inputs") != inputs:
        return ()
    last = {task.task_key: task for task in tasks}
    again = tuple(key for key, task in last.items() if task.state.result not in _GOOD)
    return again if len(again) < len(inputs) else ()


def whole(loops: Mapping[int, Loop]) -> dict[int, Loop]:
    """Each loop with the iterations that it has not repeated, which are those of the attempt before it.

    Args:
        loops: The loops that attempts at one task have run, by attempt.
    """
    found: dict[int, Loop] = {}
    before: list[TaskRecord] = []
    for attempt in sorted(loops):
        run, tasks = loops[attempt]
        if run.run_type == ITERATIONS and run.request.only:
            places = {task["task_key"]: place for place, task in enumerate(run.settings["tasks"])}
            kept = [task for task in before if task.task_key not in run.request.only]
            tasks = sorted([*kept, *tasks], key=lambda task: (places[task.task_key], task.run_id))
        found[attempt] = run, tasks
        before = tasks
    return found
