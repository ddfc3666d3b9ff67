"""The jobs service of a workspace."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from brickyard.workspace.api.errors import (
    ApiError,
    InvalidParameterValue,
    InvalidState,
    PermissionDenied,
)
from brickyard.workspace.identity.access_lists import check_owner, grants_of
from brickyard.workspace.identity.access_lists import replace as replace_access
from brickyard.workspace.jobs.child_runs import ChildRuns
from brickyard.workspace.jobs.clusters import JobClusters, check_definitions
from brickyard.workspace.jobs.directories import run_directory
from brickyard.workspace.jobs.git_checkouts import name_git_host
from brickyard.workspace.jobs.job_store import JobStore, find_job
from brickyard.workspace.jobs.notices import check_destinations
from brickyard.workspace.jobs.people import known, named_in_run_as, run_as, securable_of
from brickyard.workspace.jobs.records import Ids, JobRecord, Json, RunRecord, RunRequest, TaskRecord, now
from brickyard.workspace.jobs.repair import check_repair, repair, to_run_again
from brickyard.workspace.jobs.requests import idempotency_token, merged, number, optional_number, run_request
from brickyard.workspace.jobs.run_store import RunFilter, RunStore
from brickyard.workspace.jobs.scheduler import Scheduler
from brickyard.workspace.jobs.states import State
from brickyard.workspace.jobs.triggers import Firing, Watch

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from brickyard.workspace.identity import Principal
    from brickyard.workspace.identity.permissions import Securable
    from brickyard.workspace.workspace import Workspace

__all__ = ["Jobs", "build"]

_SUBMIT = frozenset({"run_name", "idempotency_token"})


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
        #: What starts runs by itself.
        self.triggers = Watch(
            workspace, fire=self._fire, active=self._runs.is_active, sweep=self._scheduler.expire, clock=now
        )
        #: The runs that tasks start and wait for.
        self.children = ChildRuns(workspace, self._jobs, self._runs, self._scheduler, self._new_run)
        self._permissions = workspace.identity.permissions
        self._changing = threading.Lock()  # of two changes, the second sees what the first has changed

    def recover(self) -> None:
        """Go on with the runs that were active when the workspace ended."""
        self._scheduler.recover()
        self.triggers.load(self._jobs.all())
        self.triggers.start()

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
        settings, run_as = self._settings(body, principal)
        job = JobRecord(self._ids.next(), principal.user_name, run_as, now(), settings)
        self._grant(job, principal, body.get("access_control_list"))
        self._jobs.add(job)
        name_git_host(self._workspace, settings, principal, run_as)
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

    def _reset(self, job_id: int, body: Mapping[str, Any], principal: Principal, given: Mapping[str, Any]) -> None:
        job = self._jobs.get(job_id)
        settings, run_as = self._settings(body, principal, job)
        self._jobs.change(job_id, settings, run_as)
        name_git_host(self._workspace, given, principal, self.get(job_id).run_as)
        if body.get("access_control_list"):
            replace_access(self._workspace.identity, securable_of(job_id), body["access_control_list"], principal)
        self.triggers.changed(self._jobs.get(job_id))

    def _keeping_run_as(self, job_id: int, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """On the service a `run_as` that was set once stays until another one is set (databricks/cli#4873)."""
        before = self._jobs.get(job_id).settings.get("run_as")
        return body if body.get("run_as") or not before else {**body, "run_as": before}

    def update(self, job_id: int, changes: Mapping[str, Any], remove: list[str], principal: Principal) -> None:
        """Replace some of a job's settings; without `run_as`, it runs as its owner again."""
        with self._changing:
            self._reset(job_id, merged(self._jobs.get(job_id).settings, changes, remove), principal, changes)

    def get(self, job_id: int) -> JobRecord:
        """A job."""
        return self._true([self._jobs.get(job_id)])[0]

    def _true(self, jobs: Sequence[JobRecord]) -> list[JobRecord]:
        """Jobs with whose rights they run now, and with their makers where these are still there."""
        there = known(self._workspace, {job.creator for job in jobs})
        return [
            replace(job, creator=job.creator if job.creator in there else "", run_as=run_as(self._workspace, job))
            for job in jobs
        ]

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
        return self._true(self._jobs.page(name=name, only=self.visible_to(principal), **place))

    def visible_to(self, principal: Principal) -> list[int] | None:
        """The ids of the jobs that a principal may see; nothing where these are all."""
        found = self._permissions.granted_to(principal, "jobs")
        return None if found is None else sorted(int(job_id) for job_id in found)

    def delete(self, job_id: int) -> None:
        """Delete a job; its active runs are cancelled."""
        self._jobs.delete(job_id)
        self.triggers.forget(job_id)
        self._cancel_all(job_id, queued_only=False)

    def run_now(self, body: Mapping[str, Any], principal: Principal) -> RunRecord:
        """Start a run of a job; the run is durable when this returns."""
        job_id = number(body, "job_id")
        token = idempotency_token(body)

        def make(connection: Connection) -> RunRecord:
            job = find_job(connection, job_id)
            if not job.settings.get("tasks"):
                raise InvalidParameterValue(f"Job {job_id} has no tasks to run.")
            settings = job.settings | ({"queue": body["queue"]} if body.get("queue") else {})
            if continuous:
                settings = settings | {"queue": {"enabled": True}}  # it waits for the end of the one that it replaces
            run = self._new_run(job, settings, principal.user_name, run_request(body, settings), "JOB_RUN")
            return replace(run, trigger="CONTINUOUS_RESTART") if continuous else run

        continuous = self.triggers.is_continuous(job_id)
        if continuous:
            self.triggers.restarted(job_id)
        before = self._ids.next()
        run = self._scheduler.submit(make, f"{job_id}:{token}" if token else None)
        if continuous and run.run_id > before:
            self._cancel_others(run)
        return run

    def _cancel_others(self, run: RunRecord) -> None:
        for other in self._runs.active():
            if other.job_id == run.job_id and other.run_id < run.run_id:
                self._scheduler.cancel(other.run_id)

    def _fire(self, job_id: int, firing: Firing, remember: Callable[[Connection], None]) -> RunRecord:
        """Start a run of a job because of its trigger, which remembers it unless it is to fire again."""

        def make(connection: Connection) -> RunRecord:
            job = find_job(connection, job_id)
            if not job.settings.get("tasks"):
                raise InvalidParameterValue(f"Job {job_id} has no tasks to run.")
            run = self._new_run(job, job.settings, job.creator, run_request({}, job.settings), "JOB_RUN")
            return replace(run, trigger=firing.type, trigger_info=firing.info)

        def written(connection: Connection, run: RunRecord) -> None:
            if not (firing.again and run.state.ended):
                remember(connection)

        return self._scheduler.submit(make, None, written)

    def _run_ended(self, run: RunRecord) -> None:
        if run.run_type == "JOB_RUN":
            self.triggers.run_ended(run)

    def submit(self, body: Mapping[str, Any], principal: Principal) -> RunRecord:
        """Run tasks once, without a job that is kept."""
        wanted = {name: value for name, value in body.items() if name not in _SUBMIT}
        name = {"name": body.get("run_name") or "Untitled"}
        settings, run_as = self._settings(wanted | name, principal, submitted=True)
        token = idempotency_token(body)
        name_git_host(self._workspace, settings, principal, run_as)
        job = JobRecord(self._ids.next(), principal.user_name, run_as, now(), settings, listed=False)

        def make(connection: Connection) -> RunRecord:
            self._jobs.add(job, connection)
            return self._new_run(job, settings, principal.user_name, RunRequest(), "SUBMIT_RUN")

        self._grant(job, principal, body.get("access_control_list"))
        try:
            run = self._scheduler.submit(make, f"submit:{principal.id}:{token}" if token else None)
        except ApiError:  # the run that has the token was deleted
            self._permissions.forget(securable_of(job.job_id))
            raise
        if run.job_id != job.job_id:  # the token was used before, and answers the run of then
            self._permissions.forget(securable_of(job.job_id))
        return run

    def run(self, run_id: int) -> tuple[RunRecord, list[TaskRecord]]:
        """A run with the attempts at its tasks; by an attempt's run id, with that one only."""
        run, tasks = self._runs.get(run_id)
        return self._with_makers([run])[0], tasks

    def tasks(self, run_id: int) -> list[TaskRecord]:
        """The attempts at a run's tasks."""
        return self._runs.tasks(run_id)

    def parts(self, run: RunRecord, tasks: Sequence[TaskRecord]) -> dict[int, tuple[RunRecord, list[TaskRecord]]]:
        """The runs that attempts at a run's tasks have started and are shown with, by attempt."""
        starting = {one["task_key"] for one in run.tasks if "for_each_task" in one or "run_job_task" in one}
        wanted = [task.run_id for task in tasks if task.task_key in starting]
        return self._runs.children(wanted) if wanted else {}

    def first_attempt(self, task: TaskRecord) -> int:
        """The run id of the first attempt at the task of which this is one."""
        return next(one.run_id for one in self.tasks(task.job_run_id) if one.task_key == task.task_key)

    def successes(self, job_id: int, task_key: str, limit: int) -> list[TaskRecord]:
        """Those of the last attempts at a job's task that ended well, newest first."""
        return self._runs.successes(job_id, task_key, limit)

    def runs(self, wanted: RunFilter, limit: int) -> list[RunRecord]:
        """Runs, newest first."""
        return self._with_makers(self._runs.page(wanted, limit))

    def _with_makers(self, runs: Sequence[RunRecord]) -> list[RunRecord]:
        there = known(self._workspace, {run.creator for run in runs})
        return [run if run.creator in there else replace(run, creator="") for run in runs]

    def cancel(self, run_id: int) -> None:
        """Cancel a run or one attempt at a task; it ends soon after this returns."""
        run, _ = self._runs.get(run_id)
        self._scheduler.cancel(run.run_id, None if run.run_id == run_id else run_id)

    def cancel_all(self, job_id: int | None, principal: Principal, *, queued_only: bool = False) -> None:
        """Cancel the active runs of a job, or of all jobs whose runs the principal may cancel."""
        self._cancel_all(job_id, queued_only=queued_only, principal=principal)

    def _cancel_all(self, job_id: int | None, *, queued_only: bool, principal: Principal | None = None) -> None:
        for run in reversed(self._runs.active()):  # what waits is cancelled before what it waits for
            wanted = job_id in (None, run.job_id) and (not queued_only or run.state.life_cycle == "QUEUED")
            securable = securable_of(run.job_id)
            if wanted and (principal is None or self._permissions.allows(principal, securable, "CAN_MANAGE_RUN")):
                self._scheduler.cancel(run.run_id)

    def repair(self, run_id: int, body: Mapping[str, Any]) -> int:
        """Run tasks of a run that has ended again, as a part of the same run; answers the repair's id.

        Raises:
            InvalidParameterValue: The body asks for what cannot be.
            InvalidState: The run is active.
        """
        known = {"run_id", "latest_repair_id", "rerun_tasks", "rerun_all_failed_tasks", "rerun_dependent_tasks"}
        wanted = {name: value for name, value in body.items() if name not in known}

        def again(run: RunRecord, tasks: Sequence[TaskRecord]) -> tuple[RunRecord, list[TaskRecord]]:
            check_repair(run, run_id, optional_number(body, "latest_repair_id"))
            last = {task.task_key: task for task in tasks}
            settings = self._jobs.get(run.job_id).settings if run.run_type == "JOB_RUN" else run.settings
            request = replace(run.request, commit="")
            if any(wanted.values()):
                given = run_request(wanted, settings)
                request = replace(given, parameters={**request.parameters, **given.job_parameters})
            if settings.get("git_source") == run.settings.get("git_source"):
                request = replace(request, commit=run.request.commit)
            keys = to_run_again(run, last, body)
            return repair(replace(run, request=request), last, keys, settings, self._ids)

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
        if not run.state.ended:
            raise InvalidState(f"Run {run_id} is active; cancel it before it is deleted.")
        for attempt in (run_id, *self._runs.delete(run_id)):
            shutil.rmtree(run_directory(self._workspace, attempt), ignore_errors=True)
        self._scheduler.forget(run)

    def _grant(self, job: JobRecord, principal: Principal, entries: Any) -> None:
        """Whoever makes a job owns it, where it does not say otherwise."""
        identity, securable = self._workspace.identity, securable_of(job.job_id)
        wanted = grants_of(identity, securable, entries or [])
        if "IS_OWNER" not in wanted.values():
            wanted[principal.id] = "IS_OWNER"
        check_owner(identity, securable, wanted, principal, before={principal.id})
        self._permissions.replace(securable, wanted)

    def _settings(
        self, body: Mapping[str, Any], principal: Principal, job: JobRecord | None = None, *, submitted: bool = False
    ) -> tuple[Json, str]:
        """The settings as they are stored, and whose rights the runs have."""
        from brickyard.workspace.jobs.settings import normalise

        wanted = {name: value for name, value in body.items() if name != "access_control_list"}
        settings = normalise(wanted, submitted=submitted)
        check_definitions(self._workspace, settings, principal, job.settings if job else {})
        check_destinations(self._workspace, settings, job.settings if job else {})
        return settings, self._run_as(settings.get("run_as", {}), principal, job)

    def _run_as(self, wanted: Mapping[str, Any], principal: Principal, job: JobRecord | None) -> str:
        """The name in `run_as`, checked where it is new; without one, who owns the job counts when it runs."""
        if job is not None and wanted == job.settings.get("run_as", {}):
            return job.run_as
        if not wanted and job is None:
            return principal.user_name
        workspace = self._workspace
        if wanted or job is None:
            found = named_in_run_as(workspace, wanted)
        else:
            found = run_as(workspace, replace(job, settings={}))
        if found not in (principal.user_name, job and run_as(workspace, job)) and not principal.is_admin:
            raise PermissionDenied(f"Only administrators can let a job run as somebody else ({found or 'nobody'}).")
        return found

    def _new_run(self, job: JobRecord, settings: Json, by: str, request: RunRequest, run_type: str) -> RunRecord:
        return RunRecord(
            run_id=self._ids.next(),
            job_id=job.job_id,
            name=settings["name"],
            creator=by,
            run_as=run_as(self._workspace, job),
            run_type=run_type,
            request=request,
            settings=settings,
            created_at=now(),
            state=State("PENDING"),
        )


def build(workspace: Workspace) -> Jobs:
    """The jobs service of a workspace."""
    return Jobs(workspace)
