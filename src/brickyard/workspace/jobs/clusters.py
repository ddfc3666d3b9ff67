"""Where tasks run: on an all-purpose cluster, on a cluster of their run or their own, or on none.

A job cluster lives from the first task that needs it to the last one that could (https://docs.databricks.com/jobs/compute);
where it has ended meanwhile, the next task that needs it gets a new one.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from brickyard.workspace.api.errors import ApiError, InvalidParameterValue
from brickyard.workspace.clusters.claims import ClusterUnavailable
from brickyard.workspace.clusters.records import LIVE, with_tags
from brickyard.workspace.identity.entitlement import require_entitled
from brickyard.workspace.jobs.records import Json

if TYPE_CHECKING:
    from brickyard.workspace.identity import Principal
    from brickyard.workspace.workspace import Workspace

__all__ = ["JobClusters", "Place", "check_definitions", "check_places", "having_cluster", "keys_of", "place_of"]

_log = logging.getLogger(__name__)
_INVALID = "Cluster validation error: "


@dataclass(frozen=True)
class Place:
    """The cluster that a task needs.

    Attributes:
        existing: The id of an all-purpose cluster.
        key: The key of a cluster that tasks of the run share.
        new: The vendor's `ClusterSpec` of a cluster that is made for the run or the task.
    """

    existing: str = ""
    key: str = ""
    new: Json | None = None


def place_of(definition: Json, settings: Json) -> Place | None:
    """The cluster of a task; none where it runs without one."""
    if definition.get("existing_cluster_id"):
        return Place(existing=definition["existing_cluster_id"])
    if definition.get("new_cluster"):
        return Place(new=definition["new_cluster"])
    for one in settings.get("job_clusters", []):
        if one["job_cluster_key"] == definition.get("job_cluster_key"):
            return Place(key=one["job_cluster_key"], new=one["new_cluster"])
    return None


def keys_of(definition: Json) -> set[str]:
    """The keys of the shared clusters that a task needs, its iterations included."""
    tasks = [definition, definition.get("for_each_task", {}).get("task", {})]
    return {task["job_cluster_key"] for task in tasks if task.get("job_cluster_key")}


def check_definitions(workspace: Workspace, settings: Json, by: Principal, before: Json) -> None:
    """Refuse job clusters that could not be made; those that the job has already need no entitlement.

    Raises:
        ApiError: The definition is wrong, or its policy or pool does not allow it; the message names the cluster.
    """
    from brickyard.workspace.clusters.definition import full_definition, given_fields

    there = [one.get("new_cluster") for _, one in having_cluster(before)]
    for key, one in having_cluster(settings):
        definition = one.get("new_cluster", {})
        try:
            given = given_fields(definition)
            if definition not in there:
                require_entitled(by, given)
            full_definition(workspace, with_tags(given, settings.get("tags", {})), by, "JOB")
        except ApiError as error:
            said = error.message.removeprefix(_INVALID)  # a policy says so itself
            where = "task" if "task_key" in one else "job cluster"
            raise type(error)(f"{where} {key!r}: {_INVALID}{said}") from error


def having_cluster(settings: Mapping[str, Any]) -> Iterator[tuple[str, Json]]:
    """The job clusters and tasks (those that are repeated, too) that define a cluster in `new_cluster`; their keys."""
    for one in settings.get("job_clusters", []):
        yield one["job_cluster_key"], one
    for task in settings.get("tasks", []):
        for one in (task, task.get("for_each_task", {}).get("task", {})):
            if "new_cluster" in one:
                yield one["task_key"], one


@dataclass
class _OfRun:
    """The clusters of one run by their keys; the lock is held while one is made or ended."""

    ids: dict[str, str] = field(default_factory=dict)
    over: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)


class JobClusters:
    """The clusters that tasks of active runs share.

    Args:
        workspace: Whose clusters they are.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._runs: dict[int, _OfRun] = {}

    def begin(self, run_id: int) -> None:
        """A run is active from now on, and may have clusters."""
        before = self._runs.get(run_id)
        self._runs[run_id] = _OfRun({} if before is None else before.ids)

    def shared(self, run_id: int, key: str, make: Callable[[], str]) -> str:
        """The id of a run's cluster, which `make` makes where it is not there or has ended.

        Raises:
            ClusterUnavailable: The run has ended.
        """
        run = self._runs.get(run_id, _OfRun(over=True))
        with run.lock:
            if run.over:
                raise ClusterUnavailable(f"Run {run_id} has ended, and with it its clusters.")
            found = run.ids.get(key)
            if found is None or not self._is_live(found):
                found = run.ids[key] = make()
            return found

    def end_unused(self, run_id: int, needed: Collection[str]) -> None:
        """End the clusters of a run that none of its tasks needs any more."""
        run = self._runs[run_id]
        with run.lock:
            self._end(run, needed)

    def end(self, run_id: int) -> None:
        """A run has ended: its clusters end, and those that could not be ended when theirs did."""
        self._runs[run_id].over = True
        for one, run in [(one, run) for one, run in list(self._runs.items()) if run.over]:
            with run.lock:
                self._end(run, ())
                if not run.ids and self._runs.get(one) is run:
                    del self._runs[one]

    def _end(self, run: _OfRun, needed: Collection[str]) -> None:
        for key in [key for key in run.ids if key not in needed]:
            try:
                self._workspace.clusters.end_job_cluster(run.ids[key])
                del run.ids[key]
            except Exception:  # a full disk, say: it is tried again with the next that ends
                _log.exception("cluster %s could not be ended", run.ids[key])

    def _is_live(self, cluster_id: str) -> bool:
        cluster = self._workspace.clusters.store.find(cluster_id)
        return cluster is not None and cluster.state in LIVE - {"TERMINATING"}


def check_places(key: str, task: Json, settings: Json) -> None:
    """Refuse a task that names more than one cluster, or one that the job does not define.

    Raises:
        InvalidParameterValue: Names the task and what is wrong.
    """
    places = [name for name in ("existing_cluster_id", "new_cluster", "job_cluster_key") if task.get(name)]
    if len(places) > 1:
        raise InvalidParameterValue(f"task {key!r} can have only one of {' and '.join(places)}")
    defined = {one.get("job_cluster_key") for one in settings.get("job_clusters", [])}
    if task.get("job_cluster_key") and task["job_cluster_key"] not in defined:
        raise InvalidParameterValue(f"task {key!r}: job_cluster_key {task['job_cluster_key']!r} is not defined")
