"""Secrets that a job's clusters refer to: they reach the task's process and nothing else."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk.errors import InvalidParameterValue
from databricks.sdk.service import compute, jobs

from tests.support import WorkspaceHome
from tests.workspace.jobs.job_client import Client, results

REFERENCE = "{{secrets/Cluster-secrets/pass.word}}"
SHOW = """import base64, hashlib, json, os, psutil, subprocess, sys
value = os.environ["PASSWORD"]
print("plain", value, base64.b64encode(value.encode()).decode(), " ".join(value), value[::-1])
sys.stderr.write("password=" + value + "\\n")
subprocess.run("echo child $PASSWORD; echo error $PASSWORD >&2", shell=True, check=True)
commands = [" ".join(one.info["cmdline"] or []) for one in psutil.process_iter(["cmdline"])]
print("in", sum(value in command for command in commands), "commands")
"""
NOTEBOOK = (
    SHOW
    + """
# COMMAND ----------
assert spark.conf.get("spark.login.password") == value and spark.conf.get("spark.login.user") == "me"
display(spark.createDataFrame([(spark.conf.get("spark.login.password"),)], "password string"))
from pyspark.sql.functions import udf
print(spark.range(1).select(udf(lambda one: os.environ["PASSWORD"])("id")).collect())
# COMMAND ----------
dbutils.jobs.taskValues.set("leak", value)
print(dbutils.notebook.run("child", 60, {"password": value}))
dbutils.notebook.exit(json.dumps({"digest": hashlib.sha256(value.encode()).hexdigest(), "value": value}))
"""
)
CHILD = """import os
assert dbutils.widgets.get("password") == os.environ["PASSWORD"]
print("child has", os.environ["PASSWORD"])
dbutils.notebook.exit("from the child " + os.environ["PASSWORD"])
"""
#: Half of the value has been read when the process is ended; another one writes both halves.
CRASH = (
    SHOW
    + """import ctypes, fcntl, termios
sys.stdout.write("last " + value[:9])
sys.stdout.flush()
while any(fcntl.ioctl(1, termios.FIONREAD, bytes(4))):
    pass
sys.setswitchinterval(600)  # no other thread of this process reads the second half
second, libc = (value[9:] + "\\n").encode(), ctypes.PyDLL(None)
libc.write(1, second, len(second))
libc.kill(os.getpid(), 9)
"""
)


def cluster(**values: Any) -> compute.ClusterSpec:
    return compute.ClusterSpec(
        spark_version="16.4.x-scala2.12", node_type_id="Standard_DS3_v2", num_workers=0, **values
    )


def forms(value: str) -> list[bytes]:
    raw = value.encode()
    encoded = base64.b64encode(raw).rstrip(b"=")
    return [raw, encoded, " ".join(value).encode(), raw[::-1], value[9:].encode(), json.dumps(value).encode()]


def files_with(root: Path, value: str) -> list[str]:
    """Files below a directory that contain the value in any form."""
    return [
        str(path.relative_to(root))
        for path in root.rglob("*")
        if path.is_file() and any(form in path.read_bytes() for form in forms(value))
    ]


def answers(client: Client, job_id: int, run: jobs.Run) -> bytes:
    """All that the workspace says about the job and its run."""
    shown = [client.sdk.jobs.get(job_id), client.sdk.jobs.get_run(run.run_id or 0, include_resolved_values=True)]
    shown += [*client.sdk.jobs.list(expand_tasks=True), *client.sdk.jobs.list_runs(expand_tasks=True)]
    shown += [client.sdk.jobs.get_run_output(task.run_id or 0) for task in run.tasks or []]
    return json.dumps([one.as_dict() for one in shown]).encode()


def test_secrets_of_a_cluster_reach_the_task_s_process_only(workspaces: WorkspaceHome) -> None:
    workspace = workspaces.start("dev")
    client = Client(workspace)
    value = "c4n4ry-" + secrets.token_urlsafe(24)
    client.sdk.secrets.create_scope("cluster-secrets")
    client.sdk.secrets.put_secret("cluster-secrets", "pass.word", string_value=value)
    client.notebook("child", CHILD)
    own = cluster(spark_env_vars={"PASSWORD": REFERENCE})
    shared = cluster(
        spark_env_vars={"PASSWORD": REFERENCE}, spark_conf={"spark.login.password": REFERENCE, "spark.login.user": "me"}
    )
    job_id = client.job(
        client.task("show", NOTEBOOK, job_cluster_key="c"),
        client.task("crash", CRASH, new_cluster=own),
        job_clusters=[jobs.JobCluster("c", shared)],
    )
    run = client.ended(client.started(job_id))
    shown, crashed = client.output(run, "show"), client.output(run, "crash")
    assert results(run) == {"show": "SUCCESS", "crash": "FAILED"}, shown.error_trace
    assert shown.notebook_output and "SIGKILL" in (crashed.error or "")
    result = json.loads(shown.notebook_output.result or "")
    assert result == {"digest": hashlib.sha256(value.encode()).hexdigest(), "value": "[REDACTED]"}
    for logs in (shown.logs or "", crashed.logs or ""):
        assert "plain [REDACTED] [REDACTED] [REDACTED] [REDACTED]\npassword=[REDACTED]\n" in logs
        assert "child [REDACTED]\nerror [REDACTED]\nin 0 commands\n" in logs
    assert "from the child [REDACTED]" in (shown.logs or "") and (crashed.logs or "").endswith("last [REDACTED]\n")
    said = answers(client, job_id, run)
    assert REFERENCE.encode() in said and not [form for form in forms(value) if form in said]
    assert files_with(workspaces.home, value) == []
    assert "runs" in {Path(name).parts[2] for name in files_with(workspaces.home, "child has [REDACTED]")}
    workspaces.run("workspace", "stop", "dev")
    assert files_with(workspaces.home, value) == []


@pytest.mark.parametrize(
    ("part", "reason"),
    [
        ({"spark_env_vars": {"A": "{{secrets/none/key}}"}}, "Scope none does not exist"),
        ({"spark_conf": {"a.b": "{{secrets/%s/none}}"}}, "Secret does not exist with scope: %s and key: none"),
        ({"spark_env_vars": {"A": "{{secrets/%s/binary}}"}}, "whose value is not text in UTF-8"),
        ({"spark_env_vars": {"A": "{{secrets/%s/nul}}"}}, "whose value has a NUL character in it"),
    ],
)
def test_run_fails_by_the_name_of_a_secret_that_cannot_be_given(client: Client, part: Any, reason: str) -> None:
    scope = client.directory.rpartition("/")[2]
    client.sdk.secrets.create_scope(scope)
    client.sdk.secrets.put_secret(scope, "binary", bytes_value=base64.b64encode(b"\xff\xfe c4n4ry").decode())
    client.sdk.secrets.put_secret(scope, "nul", bytes_value=base64.b64encode(b"c4n4ry\0").decode())
    part = json.loads(json.dumps(part).replace("%s", scope))
    job_id = client.job(client.task("a", "print(1)", new_cluster=cluster(**part), max_retries=2))
    run = client.ended(client.started(job_id))
    *_, task = run.tasks or []
    assert len(run.tasks or []) == 3, "it may be there the next time"
    ((where, values),) = part.items()
    ((name, reference),) = values.items()
    assert task.status and task.status.termination_details
    details = task.status.termination_details
    assert details.code is jobs.TerminationCodeCode.CLUSTER_ERROR
    message = details.message or ""
    assert message.startswith("Unexpected failure while waiting for the cluster (")
    assert (
        f"SECRET_RESOLUTION_ERROR(CLIENT_ERROR): databricks_error_message:{where}.{name} refers to {reference}"
        in message
    )
    assert reason.replace("%s", scope) in message and "c4n4ry" not in json.dumps(run.as_dict())


@pytest.mark.parametrize("value", ["x{{secrets/s/k}}", "{{secrets/s/k}} ", "{{ secrets/s/k }}", "{{secrets/s}}"])
def test_reference_that_is_not_the_whole_value_is_refused(client: Client, value: str) -> None:
    for part in ("spark_env_vars", "spark_conf"):
        with pytest.raises(InvalidParameterValue, match=rf"{part}\.K must be exactly"):
            client.job(client.task("a", "", new_cluster=cluster(**{part: {"K": value}})))


def test_secret_is_read_anew_for_each_run(client: Client) -> None:
    scope = client.directory.rpartition("/")[2]
    client.sdk.secrets.create_scope(scope)
    own = cluster(spark_env_vars={"LETTERS": f"{{{{secrets/{scope}/k}}}}"})
    source = "import os\ndbutils.notebook.exit(str(len(os.environ['LETTERS'])))"
    job_id = client.job(client.task("a", source, new_cluster=own))
    for value in ("four-letters", "more-than-twelve"):
        client.sdk.secrets.put_secret(scope, "k", string_value=value)
        output = client.output(client.ended(client.started(job_id)), "a").notebook_output
        assert output and output.result == str(len(value))
