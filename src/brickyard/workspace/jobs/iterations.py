"""The iterations of a loop over its attempts: a repair repeats those that failed, and the others stay as they were."""

from __future__ import annotations

from collections.abc import Mapping

from brickyard.workspace.jobs.records import ITERATIONS, Json, RunRecord, TaskRecord

__all__ = ["Loop", "failed", "whole"]

_GOOD = frozenset({"SUCCESS", "EXCLUDED", "DISABLED"})
#: The run of the iterations of one attempt, with the attempts at them.
Loop = tuple[RunRecord, list[TaskRecord]]


def failed(loops: Mapping[int, Loop], loop: Json) -> tuple[str, ...]:
    """The iterations to repeat, by their keys; nothing where these are all.

    Args:
        loops: The loop as its earlier attempts have left it.
        loop: Its iterations as they are now: `tasks`, and their `inputs`.
    """
    if not loops:
        return ()
    run, tasks = loops[max(loops)]
    keys = [task["task_key"] for task in loop["tasks"]]
    if run.settings.get("inputs") != loop["inputs"] or [task["task_key"] for task in run.settings["tasks"]] != keys:
        return ()
    good = {key for key, task in {task.task_key: task for task in tasks}.items() if task.state.result in _GOOD}
    again = tuple(key for key in keys if key not in good)
    return again if len(again) < len(keys) else ()


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
            kept = [task for task in before if task.task_key in places.keys() - run.request.only]
            tasks = sorted([*kept, *tasks], key=lambda task: (places[task.task_key], task.run_id))
        found[attempt] = run, tasks
        before = tasks
    return found
