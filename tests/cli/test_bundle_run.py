"""`run` follows a real job and ends with its result."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.cli.bundles import Bundle, make_bundle
from tests.support import LocalWorkspace


@pytest.fixture(scope="module")
def bundle(workspace: LocalWorkspace, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    made = make_bundle(tmp_path_factory.mktemp("run"), f"run_{os.getpid()}", workspace)
    made.run("deploy")
    return made


def test_a_run_shows_its_tasks_and_what_they_print(bundle: Bundle) -> None:
    text = bundle.run("run", "hello", "--params", "who=moon")

    assert "hello moon" in text
    assert "greet | result: greeted moon" in text
    assert f"{bundle.workspace.host}/jobs/" in text
    assert "SUCCESS run" in text


def test_a_failed_run_ends_with_its_error_and_trace(bundle: Bundle) -> None:
    text = bundle.run("run", "hello", "--params", "who=nobody", code=7)

    assert "ValueError: there is nobody to greet" in text
    assert "FAILED greet" in text
    assert "tasks without success: greet" in text


def test_no_wait_starts_the_run_and_says_where_it_is(bundle: Bundle) -> None:
    text = bundle.run("run", "after", "--no-wait")

    assert "is started" in text
    assert f"{bundle.workspace.host}/jobs/" in text


def test_what_cannot_be_run_is_named(bundle: Bundle) -> None:
    assert "the project has no job 'helo'\n  next:  did you mean 'hello'?" in bundle.run("run", "helo", code=2)
    assert "the job 'hello' has no parameter 'whom'" in bundle.run("run", "hello", "--params", "whom=x", code=2)


def test_a_job_that_is_not_deployed_says_so(workspace: LocalWorkspace, tmp_path: Path) -> None:
    made = make_bundle(tmp_path, f"undeployed_{os.getpid()}", workspace)

    text = made.run("run", "hello", code=6)

    assert "the job 'hello' is not deployed to 'default'" in text
    assert "brickyard deploy -t default" in text


def test_an_interrupt_cancels_the_run(bundle: Bundle) -> None:
    process = bundle.start("run", "hello", "--params", "who=forever")
    assert process.stdout is not None
    seen = []
    for line in process.stdout:
        seen.append(line)
        if "hello forever" in line:
            break
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=60)

    assert process.returncode == 7, "".join(seen) + rest
    assert "is being cancelled" in rest
    assert "was cancelled (CANCELED)" in rest
