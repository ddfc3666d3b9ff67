"""The jobs service of a workspace: jobs are made, changed, looked at and deleted; their runs started and ended.

How each of these is done stands in modules of its own; here they are put together.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from brickyard.workspace.api.errors import InvalidState
from brickyard.workspace.clock import now
from brickyard.workspace.identity.access_lists import replace as replace_access
from brickyard.workspace.jobs.acceptance import accepted, grant_owner
from brickyard.workspace.jobs.child_runs import ChildRuns
from brickyard.workspace.jobs.clusters import JobClusters
from brickyard.workspace.jobs.directories import run_directory
from brickyard.workspace.jobs.git_checkouts import allow_git_host
from brickyard.workspace.jobs.iterations import Loop, whole
from brickyard.workspace.jobs.job_store import JobStore
from brickyard.workspace.jobs.notebook_runs import NotebookRuns
from brickyard.workspace.jobs.people import as_they_are, securable_of, with_makers
from brickyard.workspace.jobs.records import WORKFLOW_RUN, Ids, JobRecord, RunRecord, TaskRecord
from brickyard.workspace.jobs.repair import check_repair, requested_repair
from brickyard.workspace.jobs.requests import idempotency_token, merged, number, optional_number
from brickyard.workspace.jobs.run_store import RunFilter, RunStore
from brickyard.workspace.jobs.scheduler import Scheduler
from brickyard.workspace.jobs.starts import RunStarts
from brickyard.workspace.jobs.triggers import Watch

if TYPE_CHECKING:
    from brickyard.workspace.identity import Principal
    from brickyard.workspace.identity.permissions import Securable
    from brickyard.workspace.workspace import Workspace

__all__ = ["Jobs", "build"]


class Jobs:
    """Jobs and their runs."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        # Built before this, and so closed after it: runs are left before their tasks and clusters are ended.
        _ = workspace.compute, workspace.clusters
        self._jobs = JobStore(workspace.store)
        self._runs = RunStore(workspace.store, workspace.notifications.delivery.wake)
        self._ids = Ids(max(self._jobs.last_id(), self._runs.last_id()))
        #: The clusters of active runs.
        self.clusters = JobClusters(workspace)
        self._scheduler = Scheduler(workspace, self._runs, self._ids, self._run_ended, self.clusters)
        self._starts = RunStarts(workspace, self._jobs, self._runs, self._ids, self._scheduler)
        #: What starts runs by itself.
        self.triggers = Watch(
            workspace,
            fire=self._starts.because_of,
            active=self._runs.is_active,
            sweep=self._sweep,
            clock=now,
        )
        #: The runs that tasks start and wait for.
        self.children = ChildRuns(workspace, self._jobs, self._runs, self._scheduler, self._starts.new_run)
        #: The runs of notebooks that tasks execute.
        self.notebooks = NotebookRuns(workspace, self._jobs, self._runs, self._ids, self._starts.new_run)
        self._permissions = workspace.identity.permissions
        self._changing = threading.Lock()  # of two changes, the second sees what the first has changed

    def recover(self) -> None:
        """Go on with the runs that were active when the workspace ended."""
        self.notebooks.recover()
        self._scheduler.recover()
        self.triggers.load(self._jobs.all())
        self.triggers.start()

    def _sweep(self, at: int) -> None:
        self._scheduler.sweep(at)
        self.notebooks.sweep()

    def close(self) -> None:
        """Leave active runs as they are written; the next start goes on with them."""
        self.triggers.close()
        self._scheduler.close()

    def create(self, body: Mapping[str, Any], principal: Principal, *, queues: bool = False) -> int:
        """Make a job; answers its id.

        Args:
            body: Its settings.
            principal: Who makes it.
            queues: Whether its runs wait for each other where the body does not say so.
        """
        self._workspace.compute.warm_up()  # a run may follow
        body = {"queue": {"enabled": True}, **body} if queues else body
        settings, run_as = accepted(self._workspace, body, principal)
        job = JobRecord(self._ids.next(), principal.user_name, run_as, now(), settings)
        grant_owner(self._workspace, job, principal, body.get("access_control_list"))
        self._jobs.add(job)
        allow_git_host(self._workspace, settings, settings, principal, self.get(job.job_id).run_as)
        self.triggers.changed(job)
        return job.job_id

    def securable(self, job_id: int) -> Securable:
        """A job as permissions know it.

        Raises:
            InvalidParameterValue: There is no such job.
        """
        self._jobs.get(job_id)
        return securable_of(job_id)

    def securable_of_run(self, run_id: int) -> Securable:
        """The job of a run, or of an attempt at a task, as permissions know it; also where the job was deleted.

        Raises:
            InvalidParameterValue: There is no such run.
        """
        return securable_of(self._runs.get(run_id)[0].job_id)

    def reset(self, job_id: int, body: Mapping[str, Any], principal: Principal) -> None:
        """Replace a job's settings."""
        with self._changing:
            self._reset(job_id, self._keeping_run_as(job_id, body), principal, body)

    def _reset(self, job_id: int, body: Mapping[str, Any], principal: Principal, given: Iterable[str]) -> None:
        job = self._jobs.get(job_id)
        settings, run_as = accepted(self._workspace, body, principal, job)
        self._jobs.change(job_id, settings, run_as)
        if body.get("access_control_list"):
            replace_access(self._workspace.identity, securable_of(job_id), body["access_control_list"], principal)
        allow_git_host(self._workspace, settings, given, principal, self.get(job_id).run_as)
        self.triggers.changed(self._jobs.get(job_id))
        self._scheduler.limit_changed(job_id)

    def _keeping_run_as(self, job_id: int, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """On the service a `run_as` that was set once stays until another one is set (databricks/cli#4873)."""
        before = self._jobs.get(job_id).settings.get("run_as")
        return body if body.get("run_as") or not before else {**body, "run_as": before}

    def update(self, job_id: int, changes: Mapping[str, Any], remove: list[str], principal: Principal) -> None:
        """Replace some of a job's settings; without `run_as`, it runs as its owner again."""
        with self._changing:
            self._reset(
                job_id, merged(self._jobs.get(job_id).settings, changes, remove), principal, [*changes, *remove]
            )

    def get(self, job_id: int) -> JobRecord:
        """A job."""
        return as_they_are(self._workspace, [self._jobs.get(job_id)])[0]

    def page(
        self,
        principal: Principal,
        *,
        name: str | None,
        before: int | None,
        offset: int,
        limit: int,
        after: int | None = None,
    ) -> list[JobRecord]:
        """Jobs that a principal may see, newest first; with `after`, those next to it."""
        place = {"before": before, "after": after, "offset": offset, "limit": limit}
        return as_they_are(self._workspace, self._jobs.page(name=name, only=self.visible_to(principal), **place))

    def visible_to(self, principal: Principal) -> list[int] | None:
        """The ids of the jobs that a principal may see; nothing where these are all."""
        found = self._permissions.granted_to(principal, "jobs")
        return None if found is None else sorted(int(job_id) for job_id in found)

    def delete(self, job_id: int) -> None:
        """Delete a job; its active runs are cancelled."""
        self._jobs.delete(job_id)
        try:
            self.triggers.forget(job_id)
        finally:
            self._cancel_all(job_id, queued_only=False)

    def run_now(self, body: Mapping[str, Any], principal: Principal) -> RunRecord:
        """Start a run of a job; the run is durable when this returns.

        Raises:
            InvalidParameterValue: There is no such job, it has no tasks, or the body asks for what cannot be.
        """
        job_id, token = number(body, "job_id"), idempotency_token(body)
        continuous = self.triggers.is_continuous(job_id)
        if continuous:
            self.triggers.restarted(job_id)
        return self._starts.of_job(job_id, body, principal, token=token, continuous=continuous)

    def submit(self, body: Mapping[str, Any], principal: Principal) -> RunRecord:
        """Run tasks once, without a job that is kept.

        Raises:
            InvalidParameterValue: The body asks for what cannot be.
        """
        return self._starts.once(body, principal)

    def _run_ended(self, run: RunRecord) -> None:
        if run.run_type == "JOB_RUN":
            self.triggers.run_ended(run)

    def run(self, run_id: int) -> tuple[RunRecord, list[TaskRecord]]:
        """A run with the attempts at its tasks; by an attempt's run id, with that one only."""
        run, tasks = self._runs.get(run_id)
        return with_makers(self._workspace, [run])[0], tasks

    def tasks(self, run_id: int) -> list[TaskRecord]:
        """The attempts at a run's tasks."""
        return self._runs.tasks(run_id)

    def parts(self, run: RunRecord, tasks: Sequence[TaskRecord]) -> dict[int, tuple[RunRecord, list[TaskRecord]]]:
        """The runs that attempts at a run's tasks have started and are shown with, by attempt."""
        looping = {one["task_key"] for one in run.tasks if "for_each_task" in one}
        starting = looping | {one["task_key"] for one in run.tasks if "run_job_task" in one}
        wanted = [task.run_id for task in tasks if task.task_key in starting]
        found = self._runs.children(wanted) if wanted else {}
        if run.repairs:
            for task in tasks:
                if task.task_key in looping and task.run_id in found:
                    found |= {task.run_id: self.loops(run, task, inclusive=True)[task.run_id]}
        return found

    def loops(self, run: RunRecord, task: TaskRecord, *, inclusive: bool = False) -> dict[int, Loop]:
        """The iterations that earlier attempts at a loop have had, by attempt; with `inclusive`, also this one's."""
        last = task.run_id if inclusive else task.run_id - 1
        attempts = [one for one in self.tasks(run.run_id) if one.task_key == task.task_key and one.run_id <= last]
        return whole(self._runs.children([one.run_id for one in attempts]))

    def first_attempt(self, task: TaskRecord) -> int:
        """The run id of the first attempt at the task of which this is one."""
        return next(one.run_id for one in self.tasks(task.job_run_id) if one.task_key == task.task_key)

    def successes(self, job_id: int, task_key: str, limit: int) -> list[TaskRecord]:
        """Those of the last attempts at a job's task that ended well, newest first."""
        return self._runs.successes(job_id, task_key, limit)

    def runs(self, wanted: RunFilter, limit: int) -> list[RunRecord]:
        """Runs, newest first."""
        return with_makers(self._workspace, self._runs.page(wanted, limit))

    def cancel(self, run_id: int) -> None:
        """Cancel a run or one attempt at a task; it ends soon after this returns."""
        run, _ = self._runs.get(run_id)
        if run.run_type == WORKFLOW_RUN and not run.state.ended:
            raise InvalidState(f"Run {run_id} is executed by run {run.parent}, which has started it; cancel that one.")
        self._scheduler.cancel(run.run_id, None if run.run_id == run_id else run_id)

    def cancel_all(self, job_id: int | None, principal: Principal, *, queued_only: bool = False) -> None:
        """Cancel the active runs of a job, or of all jobs whose runs the principal may cancel."""
        self._cancel_all(job_id, queued_only=queued_only, principal=principal)

    def _cancel_all(self, job_id: int | None, *, queued_only: bool, principal: Principal | None = None) -> None:
        for run in reversed(self._runs.active()):  # what waits is cancelled before what it waits for
            wanted = (
                job_id in (None, run.job_id)
                and run.run_type != WORKFLOW_RUN
                and (not queued_only or run.state.life_cycle == "QUEUED")
            )
            securable = securable_of(run.job_id)
            if wanted and (principal is None or self._permissions.allows(principal, securable, "CAN_MANAGE_RUN")):
                self._scheduler.cancel(run.run_id)

    def repair(self, run_id: int, body: Mapping[str, Any]) -> int:
        """Run tasks of a run that has ended again, as a part of the same run; answers the repair's id.

        Raises:
            InvalidParameterValue: The body asks for what cannot be.
            InvalidState: The run is active.
        """

        def again(run: RunRecord, tasks: Sequence[TaskRecord]) -> tuple[RunRecord, list[TaskRecord]]:
            check_repair(run, run_id, optional_number(body, "latest_repair_id"))
            settings = self._jobs.get(run.job_id).settings if run.run_type == "JOB_RUN" else run.settings
            return requested_repair(run, tasks, body, settings, self._ids)

        self._runs.get(run_id)
        return int(self._scheduler.repair(run_id, again).repairs[-1]["id"])

    def delete_run(self, run_id: int) -> None:
        """Forget a run that has ended, with its output.

        Raises:
            InvalidState: It is active, or is an attempt at a task.
        """
        run, _ = self._runs.get(run_id)
        if run.run_id != run_id:
            raise InvalidState(f"Run {run_id} is a task's; delete the run {run.run_id} that it belongs to.")
        self._scheduler.delete(run, lambda: self._remove_files(run_id))

    def _remove_files(self, run_id: int) -> None:
        for one in self._runs.parts(run_id):
            shutil.rmtree(run_directory(self._workspace, one), ignore_errors=True)


def build(workspace: Workspace) -> Jobs:
    """The jobs service of a workspace."""
    return Jobs(workspace)
