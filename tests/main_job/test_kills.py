"""`kill -9` of a workspace's server or of the tool at any moment of the main job: the same command completes."""

from __future__ import annotations

import contextlib
import http.client
import json
import random
import subprocess
import threading
import urllib.error
import urllib.request

import psutil
import pytest

from tests.main_job.small import PHASES, Phase, SmallJob, alive
from tests.support import LocalWorkspace, wait_for
from tests.support.commands import Command

pytestmark = pytest.mark.timeout(600)

SCOPE = "acknowledged"
ENDED = {"TERMINATED", "SKIPPED", "INTERNAL_ERROR"}


class Writer:
    """Writes secrets to a workspace until it dies, and remembers which of them were acknowledged."""

    def __init__(self, workspace: LocalWorkspace) -> None:
        self._workspace = workspace
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._write, daemon=True)
        self.acknowledged: list[str] = []

    def __enter__(self) -> Writer:
        with contextlib.suppress(urllib.error.HTTPError):
            self._put("scopes/create", {"scope": SCOPE})
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(timeout=30)

    def check(self) -> None:
        """Every write that was acknowledged is there."""
        secrets = self._workspace.client().secrets
        kept = {secret.key for secret in secrets.list_secrets(SCOPE)}
        assert not set(self.acknowledged) - kept

    def _write(self) -> None:
        # A write that fails was not acknowledged: the server is being killed.
        with contextlib.suppress(OSError, http.client.HTTPException):
            while not self._stop.wait(0.05):
                key = f"k{len(self.acknowledged)}"
                self._put("put", {"scope": SCOPE, "key": key, "string_value": key})
                self.acknowledged.append(key)

    def _put(self, call: str, body: dict[str, str]) -> None:
        request = urllib.request.Request(
            f"{self._workspace.host}/api/2.0/secrets/{call}",
            data=json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self._workspace.token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as response:
            response.read()


def soaked(*point: object) -> object:
    """A point that only `make soak` tries."""
    return pytest.param(*point, marks=pytest.mark.soak)


def a_moment(job: SmallJob, seed: int) -> tuple[Phase, float, str]:
    """A moment of the whole main job: the phase it falls into, how far into it, and a workspace of the phase."""
    chance = random.Random(seed)
    moment = chance.uniform(0, sum(job.seconds.values()))
    for name, seconds in job.seconds.items():
        if moment < seconds:
            return PHASES[name], moment, chance.choice(PHASES[name].workspaces)
        moment -= seconds
    raise AssertionError("the moment is after the end")


def run_for(process: Command, seconds: float) -> None:
    """Let a command run for a while; it may end before."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(seconds)


def check_completes(job: SmallJob, phase: Phase) -> None:
    """The same command once more completes, with the outcome of an undisturbed run."""
    job.complete(phase)
    runs_are_true(job, phase)
    assert job.content(phase) == job.contents[phase.name]
    if phase.name == "deploy":
        assert "no changes" in job.run("plan", "-t", "prod").stdout
    if phase.name in ("promote", "score"):
        events = json.loads(job.run("model", "history", "delay", "-t", "prod", "-o", "json").stdout)
        assert [(event["action"], event["version"]) for event in events] == [("promote", "1")]


def runs_are_true(job: SmallJob, phase: Phase) -> None:
    """Every run ends, and says how: a success of all its tasks, or why not."""
    for name in phase.workspaces:
        client = job.workspaces[name].client()
        wait_for(lambda client=client: not list(client.jobs.list_runs(active_only=True)), seconds=60)
        for run in client.jobs.list_runs(expand_tasks=True):
            assert run.state is not None and run.state.life_cycle_state.value in ENDED
            results = {task.state.result_state.value for task in run.tasks or [] if task.state.result_state}
            if run.state.result_state and run.state.result_state.value == "SUCCESS":
                assert results == {"SUCCESS"}
            else:
                assert run.state.state_message and results != {"SUCCESS"}


def check_server_kill(job: SmallJob, phase: Phase, seconds: float, victim: str, *, at_once: bool) -> None:
    """A server that is killed and started again has what it acknowledged, and the same command completes.

    Args:
        job: The main job.
        phase: What runs when the server is killed.
        seconds: How long it has run by then.
        victim: The environment whose server is killed.
        at_once: Start the server while the command still tries; otherwise the command has to give up first.
    """
    job.restore(phase)
    with Writer(job.workspaces[victim]) as writer, job.begin(phase) as process:
        run_for(process, seconds)
        job.kill_server(victim)
        if at_once:
            job.start(victim)
        done = process.wait(240)
    if not at_once:
        job.start(victim)
    output = done.stdout + done.stderr
    assert "Traceback" not in output, output
    if done.returncode != phase.code:
        assert done.returncode > 0 and "error: " in output and "next: " in output, output
    writer.check()
    check_completes(job, phase)
    writer.check()


def check_tool_kill(job: SmallJob, phase: Phase, seconds: float) -> None:
    """The same command completes what a killed one began; what it had started does not stay."""
    job.restore(phase)
    with job.begin(phase) as process:
        run_for(process, seconds)
        helpers = children(process.pid)
        process.kill()
    check_completes(job, phase)
    wait_for(lambda: not alive(helpers), seconds=60)


def children(pid: int) -> list[psutil.Process]:
    """The processes that a command has started and that are still there."""
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


# Parts of the time that the phase takes undisturbed.
@pytest.mark.parametrize(("name", "part"), [("deploy", 0.6), soaked("promote", 0.7), soaked("score", 0.85)])
def test_a_killed_workspace_loses_nothing_and_the_next_run_completes(job: SmallJob, name: str, part: float) -> None:
    check_server_kill(job, PHASES[name], part * job.seconds[name], "prod", at_once=True)


def test_a_run_in_a_killed_workspace_ends_and_says_why(job: SmallJob) -> None:
    phase = PHASES["prepare"]
    job.restore(phase)
    jobs = job.workspaces["prod"].client().jobs
    with job.begin(phase) as process:
        wait_for(
            lambda: (
                "RUNNING"
                in {one.state.life_cycle_state.value for run in jobs.list_runs(expand_tasks=True) for one in run.tasks}
            )
        )
        job.kill_server("prod")
        job.start("prod")
        done = process.wait(60)
    output = done.stdout + done.stderr
    assert done.returncode == 7 and "workspace stopped while this task was running" in output, output
    check_completes(job, phase)


@pytest.mark.parametrize(("name", "part"), [("propose", 0.6), soaked("deploy", 0.8), soaked("score", 0.85)])
def test_a_command_that_is_killed_is_completed_by_the_next(job: SmallJob, name: str, part: float) -> None:
    check_tool_kill(job, PHASES[name], part * job.seconds[name])


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(20))
def test_a_workspace_killed_at_any_moment(job: SmallJob, seed: int) -> None:
    phase, seconds, victim = a_moment(job, seed)
    check_server_kill(job, phase, seconds, victim, at_once=seed % 2 == 0)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(20, 40))
def test_a_command_killed_at_any_moment(job: SmallJob, seed: int) -> None:
    phase, seconds, _ = a_moment(job, seed)
    check_tool_kill(job, phase, seconds)
