"""A task on a cluster: it waits until the cluster runs, starts there, and fails where it is lost."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace

from brickyard.workspace.api.errors import ApiError, PermissionDenied
from brickyard.workspace.clusters.claims import Claim, ClusterUnavailable
from brickyard.workspace.clusters.records import JobTags
from brickyard.workspace.compute.endings import LIBRARY_ERROR, failed, library_failure
from brickyard.workspace.compute.tasks import OUTPUT_FILE, TaskHandle, TaskOutcome, TaskSpec, TaskState
from brickyard.workspace.jobs.clusters import Place
from brickyard.workspace.jobs.kinds.base import Start, Work
from brickyard.workspace.jobs.records import ITERATIONS, Json
from brickyard.workspace.libraries.kinds import label_of

__all__ = ["ClusterTask"]

_log = logging.getLogger(__name__)


class ClusterTask:
    """The work of a task on a cluster.

    Args:
        start: The attempt.
        spec: What to start, but for what the cluster gives to it.
        place: The cluster.
        launch: Starts it.
    """

    def __init__(self, start: Start, spec: TaskSpec, place: Place, launch: Callable[[TaskSpec], Work]) -> None:
        self._start, self._spec, self._place, self._launch = start, spec, place, launch
        self._clusters = start.workspace.clusters
        self._outcome: Future[TaskOutcome] = Future()
        self._placed: Future[Json] = Future()
        self._stop = threading.Event()
        self._stopping: TaskState = "CANCELED"
        self._work: Work | None = None
        self._own = ""  # the cluster that is for this task alone
        threading.Thread(target=self._run, name="task-on-cluster", daemon=True).start()

    def when_placed(self, callback: Callable[[Json], None]) -> None:
        """Call `callback` with the vendor's `ClusterInstance` once the task begins on its cluster."""
        self._placed.add_done_callback(lambda placed: callback(placed.result()))

    def when_done(self, callback: Callable[[TaskOutcome], None]) -> None:
        """Call `callback` with the outcome."""
        self._outcome.add_done_callback(lambda done: callback(done.result()))

    def stop(self, state: TaskState) -> None:
        """Stop the task, or the waiting for its cluster."""
        if not self._stop.is_set():
            self._stopping = state
            self._stop.set()
        if self._work is not None:
            self._work.stop(state)

    def _run(self) -> None:
        claim = None
        try:
            found = self._claimed()
            if isinstance(found, TaskOutcome):
                self._end(found)
                return
            claim = found
            faulty = self._library_failure(claim.cluster_id)
            if faulty is None:
                self._begin(claim)
            else:
                self._end(faulty, claim)
        except Exception as error:  # on this thread nobody else hears of it, and the task must end
            _log.exception("task %s of run %s could not be started", self._spec.task_key, self._spec.job_run_id)
            message = f"The task could not be started: {type(error).__name__}: {error}"
            if self._work is not None:
                self._work.stop("CANCELED")
            self._end(failed(message, "INTERNAL_ERROR"), claim)

    def _claimed(self) -> Claim | TaskOutcome:
        """The cluster, once it runs, or how the task ends because there is none."""
        cluster_id = ""
        try:
            cluster_id = self._cluster_id()
            return self._clusters.claim(cluster_id, self._start.principal, stop=self._stop)
        except ClusterUnavailable as error:
            return failed(self._why_not(cluster_id) or str(error), error.code)
        except PermissionDenied as error:
            return failed(error.message, "UNAUTHORIZED_ERROR")
        except ApiError as error:
            return failed(f"Cluster validation error: {error.message}", "INVALID_CLUSTER_REQUEST")

    def _cluster_id(self) -> str:
        """The cluster, which is made where it is one for the run or the task.

        Raises:
            ClusterUnavailable: There is none of that id, or it is one that was made for a run.
            ApiError: Its definition, a policy or a pool does not allow it.
        """
        if self._place.key:
            jobs = self._start.workspace.jobs
            return jobs.clusters.shared(self._spec.job_run_id, self._place.key, lambda: self._made(self._place.key))
        if self._place.new is not None:
            self._own = self._made(self._spec.task_key)
            return self._own
        cluster = self._clusters.store.find(self._place.existing)
        if cluster is None:
            raise ClusterUnavailable(f"Cluster {self._place.existing} does not exist.", "RESOURCE_NOT_FOUND")
        if cluster.source == "JOB":
            words = "existing_cluster_id only supports all-purpose cluster IDs"
            raise ClusterUnavailable(f"{words}: {cluster.id} was made for a job run.", "INVALID_RUN_CONFIGURATION")
        return cluster.id

    def _made(self, key: str) -> str:
        if self._stop.is_set():
            raise ClusterUnavailable(f"The task was stopped before its cluster {key} was made.")
        run = self._start.run
        if run.run_type == ITERATIONS:
            run, _ = self._start.workspace.jobs.run(run.job_run_id)
        tags = JobTags({"JobId": str(run.job_id), "RunName": run.name}, run.settings.get("tags", {}))
        name = f"job-{run.job_id}-run-{run.run_id}-{key}"
        made = self._clusters.create_job_cluster(self._place.new or {}, self._start.principal, name=name, tags=tags)
        return made.id

    def _library_failure(self, cluster_id: str) -> TaskOutcome | None:
        """How the task ends where its job cluster lacks a library; on all-purpose clusters tasks run without it."""
        cluster = self._clusters.store.find(cluster_id)
        if cluster is None or cluster.source != "JOB":
            return None
        for one in self._start.workspace.libraries.statuses(cluster):
            if one["status"] == "FAILED":
                why = "\n".join(one["messages"])
                return failed(library_failure(why, label_of(one["library"])), LIBRARY_ERROR)
        return None

    def _begin(self, claim: Claim) -> None:
        remote = claim.remote(self._spec.token, self._spec.user_name)
        spec = replace(
            self._spec,
            environment={**claim.environment, **self._spec.environment},
            spark_conf=claim.spark_conf,
            secrets=claim.secrets,
            cluster_id=claim.cluster_id,
            remote=remote,
            search_path=claim.search_path,
        )
        cluster = self._clusters.store.find(claim.cluster_id)
        if cluster is not None:
            self._placed.set_result({"cluster_id": cluster.id, "spark_context_id": str(cluster.context_id)})
        claim.follow(spec.directory / OUTPUT_FILE, f"run {spec.run_id} of task {spec.task_key}")
        work = self._work = self._launch(spec)
        if self._stop.is_set():  # it was asked to stop while it was being started
            work.stop(self._stopping)
        claim.when_lost(lambda reason: self._lost(claim.cluster_id, reason))
        work.when_done(lambda outcome: self._end(outcome, claim))

    def _lost(self, cluster_id: str, reason: str) -> None:
        if isinstance(self._work, TaskHandle):
            cluster = self._clusters.store.find(cluster_id)
            said = (cluster and cluster.state_message) or reason.rstrip(".")
            message = f"Cluster {cluster_id} was terminated during the run (cluster state message: {said})."
            self._work.stop("FAILED", message, "CLUSTER_ERROR")

    def _why_not(self, cluster_id: str) -> str:
        """Why the cluster did not start, in the service's words."""
        cluster = self._clusters.store.find(cluster_id)
        reason = None if cluster is None else cluster.reason
        if not reason:
            return ""
        parameters = ",".join(f"{name}:{value}" for name, value in reason["parameters"].items())
        return (
            f"Unexpected failure while waiting for the cluster ({cluster_id}) to be ready. Cause: Unexpected state for "
            f"cluster ({cluster_id}): {reason['code']}({reason['type']}): {parameters}"
        )

    def _end(self, outcome: TaskOutcome, claim: Claim | None = None) -> None:
        if claim is None and self._stop.is_set():
            outcome = TaskOutcome(self._stopping)
        try:
            if claim is not None:
                ended = f"run {self._spec.run_id} of task {self._spec.task_key} ended as {outcome.state}"
                claim.ended(f"{ended} {outcome.message}".rstrip(), outcome.error_trace or outcome.error or "")
                claim.release()
            if self._own:
                with contextlib.suppress(ApiError):  # it was deleted
                    self._clusters.end_job_cluster(self._own)
        except Exception:  # the task has ended, whatever becomes of its cluster
            _log.exception("task %s of run %s could not leave its cluster", self._spec.task_key, self._spec.job_run_id)
        finally:
            self._outcome.set_result(outcome)
