"""A secret that the training job uses appears nowhere outside the store: no file, no command line, no answer."""

from __future__ import annotations

import base64
import json
import os
import secrets
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.main_job.small import PHASES, Phase, SmallJob

pytestmark = pytest.mark.timeout(300)

LEAK = """
# COMMAND ----------

import base64

secret = dbutils.secrets.get("training", "canary")
print("the training uses", len(secret), "characters")
print(secret)
print(base64.b64encode(secret.encode()).decode(), " ".join(secret), secret[::-1], secret.encode().hex())
display(spark.createDataFrame([(secret,)], "password string"))
import sys
sys.stderr.write("password=" + secret + "\\n")
dbutils.jobs.taskValues.set("length", len(secret))

# COMMAND ----------

if dbutils.widgets.get("kind") == "hour":
    raise ValueError(f"cannot log in with {secret}")
"""


@pytest.fixture
def temporary() -> Iterator[Path]:
    """Where the temporary files are; its name is short, as it is part of the names of sockets."""
    with tempfile.TemporaryDirectory(prefix="canary-") as directory:
        yield Path(directory)


@pytest.fixture
def watched(job: SmallJob, temporary: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallJob]:
    """Development with the data that a training needs; its temporary files are where we look, too."""
    monkeypatch.setenv("TMPDIR", str(temporary))
    job.restore(PHASES["train"])
    yield job
    job.kill_server("dev")


def forms(value: str) -> list[bytes]:
    """The secret as it is, and as people write it who want to see it nevertheless."""
    raw = value.encode()
    return [raw, base64.b64encode(raw).rstrip(b"="), " ".join(value).encode(), raw[::-1], raw.hex().encode()]


def found_in(text: bytes, value: str) -> list[bytes]:
    return [form for form in forms(value) if form in text]


def files_with(value: str, *roots: Path) -> list[str]:
    """Files below directories that contain the secret in any form."""
    return [
        str(path)
        for root in roots
        for path in root.rglob("*")
        if path.is_file() and not path.is_symlink() and found_in(path.read_bytes(), value)
    ]


def command_lines_with(value: str) -> list[str]:
    """Command lines, and environments of processes, that contain the secret."""
    found = []
    for process in psutil.process_iter():
        for part in ("cmdline", "environ"):
            try:
                text = Path(f"/proc/{process.pid}/{part}").read_bytes()
            except OSError:  # it has ended, or is not ours
                continue
            if process.pid != os.getpid() and found_in(text, value):
                found.append(f"{process.pid} {part}")
    return found


def run_watched(job: SmallJob, value: str, kind: str) -> tuple[int, bytes]:
    """Train while the processes of the machine are looked at; the command's exit code and output."""
    command = (*PHASES["train"].command, "--params", f"kind={kind}")
    with job.begin(Phase("train", ("dev",), command)) as process:
        while True:
            try:
                done = process.wait(0.1)
                return done.returncode, (done.stdout + done.stderr).encode()
            except subprocess.TimeoutExpired:
                assert command_lines_with(value) == []


def test_a_canary_in_the_training_job_stays_in_the_store(watched: SmallJob, temporary: Path) -> None:
    places = (watched.home.home, watched.project, temporary)
    notebook = watched.project / "notebooks" / "train.py"
    head, separator, ending = notebook.read_text().rpartition("# COMMAND ----------")
    notebook.write_text(head + LEAK + separator + ending)
    value = "canary-" + secrets.token_urlsafe(24)
    client = watched.workspaces["dev"].client()
    client.secrets.create_scope("training")
    client.secrets.put_secret("training", "canary", string_value=value)
    watched.run("deploy", "-t", "dev")

    code, output = run_watched(watched, value, "trees")
    assert code == 0 and b"the training uses 39 characters" in output, output.decode()
    assert found_in(output, value) == [] and b"[REDACTED]" in output
    code, failure = run_watched(watched, value, "hour")
    assert code == 7 and b"cannot log in with" in failure
    assert found_in(failure, value) == []

    assert answers_with(watched, value) == []
    assert files_with(value, *places) == []
    assert files_with("the training uses", *places) != []  # the search does find what is there
    watched.kill_server("dev")
    assert files_with(value, *places) == []


def answers_with(job: SmallJob, value: str) -> list[str]:
    """Answers of the workspace about the runs that contain the secret."""
    client = job.workspaces["dev"].client()
    call = client.api_client.do
    found, asked = [], 0
    answers: list[tuple[str, object]] = [
        ("experiments", call("GET", "/api/2.0/mlflow/experiments/search", query={"max_results": 100})),
    ]
    for run in client.jobs.list_runs(expand_tasks=True):
        answers.append(("run", client.jobs.get_run(run.run_id).as_dict()))
        for task in run.tasks or []:
            answers.append(("output", client.jobs.get_run_output(task.run_id).as_dict()))
    experiments = answers[0][1]["experiments"]
    ids = [experiment["experiment_id"] for experiment in experiments]
    answers.append(("mlflow", call("POST", "/api/2.0/mlflow/runs/search", body={"experiment_ids": ids})))
    for name, answer in answers:
        asked += 1
        if found_in(json.dumps(answer).encode(), value):
            found.append(name)
    assert asked >= 6
    return found
