"""Tasks that run another task for each of a list of inputs: https://docs.databricks.com/jobs/for-each.html .

The repair of a run repeats only the iterations that did not end well, as on the service, unless the inputs changed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from brickyard.workspace.api.errors import InvalidParameterValue
from brickyard.workspace.compute.tasks import TaskOutcome
from brickyard.workspace.jobs import iterations
from brickyard.workspace.jobs.kinds.base import Faulty, Finished, Prepared, Start, Work
from brickyard.workspace.jobs.records import Json
from brickyard.workspace.jobs.references import Scope, is_own, references_in, resolve

__all__ = ["ForEach"]

_MOST_INPUTS, _MOST_AT_ONCE = 5000, 100
_ITEMS = (str, int, float, bool, dict)


class ForEach:
    """A task run once for each input, at most `concurrency` of them at a time; all of them run, also if one fails."""

    name = "for_each_task"
    in_process = False
    survives = True

    def check(self, key: str, work: Json) -> None:
        """Refuse a number of iterations at a time that cannot be, and loops in loops."""
        concurrency = work.get("concurrency", 1)
        if not 1 <= concurrency <= _MOST_AT_ONCE:
            raise InvalidParameterValue(
                f"task {key!r}: for_each_task.concurrency must be between 1 and {_MOST_AT_ONCE}, not {concurrency}"
            )
        for inner in (self.name, "condition_task"):
            if inner in work["task"]:
                raise InvalidParameterValue(f"task {key!r}: a for_each_task cannot have a {inner} in it")
        if work["task"].get("depends_on"):
            raise InvalidParameterValue(f"task {key!r}: the task in a for_each_task depends on none")

    def prepare(self, start: Start) -> Prepared:
        """The iterations, as a run of their own that is shown as a part of this task."""
        work = start.definition[self.name]
        inputs = _inputs(resolve(work["inputs"], start.scope))
        tasks = [_iteration(work["task"], place, one, start.scope) for place, one in enumerate(inputs)]
        loop = {"tasks": tasks, "inputs": inputs, "concurrency": work.get("concurrency", 1)}
        return Prepared({}, lambda: _launched(start, loop))


def _launched(start: Start, loop: Json) -> Work:
    if not loop["tasks"]:
        return Finished(TaskOutcome("SUCCESS"))
    kept = ("job_clusters", "environments", "parameters", "git_source", "max_concurrent_runs")
    settings = {name: start.run.settings[name] for name in kept if name in start.run.settings}
    settings |= {"name": start.task.task_key, **loop}
    jobs = start.workspace.jobs
    only = iterations.failed(jobs.loops(start.run, start.task), loop) if start.run.repairs else ()
    request = replace(start.run.request, only=only, upstream=dict(start.upstream))
    return jobs.children.of_iterations(settings, request, start.task, start.run)


def _inputs(text: str) -> list[Any]:
    try:
        inputs = json.loads(text)
    except ValueError as error:
        raise Faulty(f"The inputs of the for each task are no JSON: {error}.") from error
    if not isinstance(inputs, list) or not all(isinstance(one, _ITEMS) for one in inputs):
        raise Faulty("The inputs of the for each task must be a JSON array of texts, numbers, truth values or objects.")
    if len(inputs) > _MOST_INPUTS:
        raise Faulty(f"The for each task has {len(inputs)} inputs; at most {_MOST_INPUTS} are allowed.")
    return inputs


def _iteration(task: Json, place: int, given: Any, scope: Scope) -> Json:
    """The task for one input: what it does not know itself is in it."""
    fields = {"input": _text(given)}
    if isinstance(given, Mapping):
        fields |= {f"input.{name}": _text(value) for name, value in given.items()}
    known = replace(scope, plain={**scope.plain, **fields})
    # Values are not put into the task, as what looks like a reference in them is none.
    values = {name: resolve(f"{{{{{name}}}}}", known) for name in references_in(task) if not is_own(name)}
    return task | {"task_key": f"{task['task_key']}_{place}", "iteration_of": task["task_key"], "values": values}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
