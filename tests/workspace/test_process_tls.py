"""A workspace that speaks TLS, as its clients, its tasks and its command line meet it."""

from __future__ import annotations

import base64
import json
import os
import shlex
import signal
import ssl
import stat
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import certifi
import pytest
import requests
from cryptography import x509
from databricks.sdk.service.jobs import NotebookTask, SubmitTask
from databricks.sdk.service.workspace import ImportFormat, Language

from brickyard.errors import ConnectionFailed
from brickyard.plan.connect import connect
from brickyard.workspace import tls
from brickyard.workspace.layout import Layout, Settings
from tests.support import WorkspaceHome

CLIENT = """
from databricks.sdk import WorkspaceClient
import mlflow
client = WorkspaceClient()
print(client.config.host, client.current_user.me().user_name)
mlflow.set_experiment("/Shared/over-tls")
with mlflow.start_run() as run:
    mlflow.log_metric("m", 1.5)
    mlflow.log_text("an artifact", "notes.txt")
print(mlflow.get_run(run.info.run_id).data.metrics, mlflow.artifacts.load_text(run.info.artifact_uri + "/notes.txt"))
"""
TASK = """# Databricks notebook source
import json
import os
import mlflow, psutil
from databricks.sdk import WorkspaceClient
spark.sql("create schema if not exists main.tls")
spark.range(3).write.saveAsTable("main.tls.numbers")
client = WorkspaceClient()
mlflow.set_experiment("/Shared/task-over-tls")
with mlflow.start_run():
    mlflow.log_metric("m", 1)
canary = dbutils.secrets.get("tls", "canary")
seen = [" ".join(one.info["cmdline"] or []) for one in psutil.process_iter(["cmdline"])]
dbutils.notebook.exit(json.dumps({
    "host": client.config.host, "rows": spark.table("main.tls.numbers").count(),
    "secret": len(canary), "shown": any(canary in one or client.config.token in one for one in seen),
}))
"""


def exported(workspaces: WorkspaceHome, name: str) -> dict[str, str]:
    """What `eval "$(brickyard workspace env NAME)"` puts into an environment."""
    printed = workspaces.run("workspace", "env", name).stdout
    return dict(shlex.split(line)[1].split("=", 1) for line in printed.splitlines())


def run_client(workspaces: WorkspaceHome, variables: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    trusted = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE")
    clean = {name: value for name, value in workspaces.environ.items() if name not in trusted}
    environ = clean | {"MLFLOW_TRACKING_URI": "databricks"} | dict(variables)
    program = workspaces.home / "client.py"
    program.write_text(CLIENT)
    return subprocess.run(
        [sys.executable, str(program)], env=environ, capture_output=True, text=True, timeout=120, check=False
    )


def served(layout: Layout) -> x509.Certificate:
    """The certificate that the server shows."""
    record = layout.read_process()
    assert record is not None
    host, port = record.url.removeprefix("https://").split(":")
    return x509.load_pem_x509_certificate(ssl.get_server_certificate((host, int(port))).encode())


def test_official_clients_work_with_the_lines_that_env_prints(workspaces: WorkspaceHome) -> None:
    workspaces.start("dev", "--tls")
    variables = exported(workspaces, "dev")
    assert variables["DATABRICKS_HOST"].startswith("https://")
    done = run_client(workspaces, variables)
    assert done.returncode == 0, done.stderr[-2000:]
    assert variables["DATABRICKS_HOST"] in done.stdout
    assert "{'m': 1.5} an artifact" in done.stdout


def test_a_client_that_does_not_trust_the_authority_is_not_connected(
    workspaces: WorkspaceHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = workspaces.start("dev", "--tls")
    with pytest.raises(requests.exceptions.SSLError, match="CERTIFICATE_VERIFY_FAILED"):
        requests.get(f"{workspace.host}/health", verify=certifi.where(), timeout=30)
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    with pytest.raises(ConnectionFailed, match="its certificate is not trusted here"):
        connect(host=workspace.host, auth={"token": workspace.token}, environ={})
    own = exported(workspaces, "dev")["REQUESTS_CA_BUNDLE"]
    assert requests.get(f"{workspace.host}/health", verify=own, timeout=30).json()["workspace"] == "dev"


def test_public_authorities_stay_trusted(workspaces: WorkspaceHome, tmp_path: Path) -> None:
    other = Layout(tmp_path / "other")
    other.create()
    tls.identity_of(other, Settings(tls=True))
    before = (other.tls / "authority.pem").read_text()
    (tmp_path / "company.pem").write_text(before)
    workspaces.run("workspace", "start", "dev", "--tls", extra={"REQUESTS_CA_BUNDLE": str(tmp_path / "company.pem")})
    workspaces.run("workspace", "stop", "dev")
    bundle = Path(exported(workspaces, "dev")["REQUESTS_CA_BUNDLE"]).read_text()
    own = (workspaces.home / "workspaces/dev/tls/authority.pem").read_text()
    assert before in bundle and own in bundle and own != before


def test_tasks_reach_the_workspace_and_show_no_secret_in_process_lists(
    workspaces: WorkspaceHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = workspaces.start("dev", "--tls")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", exported(workspaces, "dev")["REQUESTS_CA_BUNDLE"])
    client = workspace.client()
    client.secrets.create_scope("tls")
    client.secrets.put_secret("tls", "canary", string_value="canary-7f3a9c")
    content = base64.b64encode(TASK.encode()).decode()
    client.workspace.import_(
        "/Shared/task", content=content, format=ImportFormat.SOURCE, language=Language.PYTHON, overwrite=True
    )
    task = SubmitTask(task_key="t", notebook_task=NotebookTask(notebook_path="/Shared/task"))
    run = client.jobs.submit(run_name="tls", tasks=[task]).result()
    output = client.jobs.get_run_output((run.tasks or [])[0].run_id or 0)
    answer = json.loads(output.notebook_output.result or "{}") if output.notebook_output else {}
    assert answer == {"host": workspace.host, "rows": 3, "secret": 13, "shown": False}


def test_tls_is_remembered_and_its_keys_are_for_the_owner_only(workspaces: WorkspaceHome) -> None:
    workspace = workspaces.start("dev", "--tls", "--hostname", "models.example")
    layout = Layout(workspace.root)
    first = served(layout)
    workspaces.run("workspace", "restart", "dev")
    status = json.loads(workspaces.run("workspace", "status", "dev", "-o", "json").stdout)
    assert status["tls"] and status["state"] == "running" and status["url"] == workspace.host
    assert served(layout) == first
    names = first.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {str(one) for one in names.get_values_for_type(x509.IPAddress)} == {"127.0.0.1", "::1"}
    assert set(names.get_values_for_type(x509.DNSName)) == {"localhost", "models.example"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in layout.tls.iterdir()} == {0o600}
    assert stat.S_IMODE(layout.tls.stat().st_mode) == 0o700
    workspaces.run("workspace", "stop", "dev")
    workspaces.run("workspace", "start", "dev", "--no-tls")
    assert workspaces.run("workspace", "env", "dev").stdout.startswith("export DATABRICKS_HOST=http://")


def test_a_certificate_is_renewed_before_it_expires(workspaces: WorkspaceHome, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = workspaces.start("dev", "--tls")
    layout = Layout(workspace.root)
    authority = (layout.tls / "authority.pem").read_bytes()
    workspaces.run("workspace", "stop", "dev")
    (layout.tls / "server.pem").unlink()
    monkeypatch.setattr(tls, "_SERVER_DAYS", 20)
    old = x509.load_pem_x509_certificate(tls.identity_of(layout, layout.read_settings()).certificate.read_bytes())
    workspaces.run("workspace", "start", "dev")
    new = served(layout)
    assert (new.not_valid_after_utc - old.not_valid_after_utc).days > 300
    assert (layout.tls / "authority.pem").read_bytes() == authority


def test_the_users_own_certificate_is_shown(workspaces: WorkspaceHome, tmp_path: Path) -> None:
    mine = Layout(tmp_path / "mine")
    mine.create()
    own = tls.identity_of(mine, Settings(tls=True))
    chain = tmp_path / "chain.pem"
    chain.write_text(own.certificate.read_text() + (mine.tls / "authority.pem").read_text())
    workspace = workspaces.start("dev", "--tls-certificate", str(chain), "--tls-key", str(own.key))
    variables = exported(workspaces, "dev")
    assert served(Layout(workspace.root)) == x509.load_pem_x509_certificate(own.certificate.read_bytes())
    done = run_client(workspaces, variables)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize("fault", ["other key", "no certificate", "other name", "key missing", "no authority"])
def test_a_certificate_that_cannot_work_is_named(workspaces: WorkspaceHome, tmp_path: Path, fault: str) -> None:
    mine, other = Layout(tmp_path / "mine"), Layout(tmp_path / "other")
    for layout in (mine, other):
        layout.create()
        tls.identity_of(layout, Settings(tls=True))
    certificate, key = mine.tls / "server.pem", mine.tls / "server.key"
    arguments = ["--tls-certificate", str(certificate), "--tls-key", str(key)]
    if fault == "other key":
        arguments[3] = str(other.tls / "server.key")
    elif fault == "no certificate":
        certificate.write_text("nothing")
    elif fault == "other name":
        arguments += ["--hostname", "models.example"]
    elif fault == "key missing":
        del arguments[2:]
    done = workspaces.run("workspace", "start", "dev", *arguments, check=False)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    said = {
        "other key": "the certificate and its key cannot be used",
        "no certificate": "the certificate cannot be read",
        "other name": "the certificate is not for models.example, but for 127.0.0.1, ::1, localhost",
        "key missing": "--tls-certificate and --tls-key are given together",
        "no authority": "clients would refuse the certificate: unable to get local issuer certificate",
    }
    assert said[fault] in done.stderr


MAKES = """
for statement in (
    "CREATE SCHEMA main.kept COMMENT 'all of it'",
    "CREATE TABLE main.kept.t (id BIGINT NOT NULL COMMENT 'the key', CONSTRAINT pk PRIMARY KEY (id)) COMMENT 'rows'",
    "INSERT INTO main.kept.t SELECT id FROM range(3)",
    "ALTER TABLE main.kept.t ADD CONSTRAINT small CHECK (id < 100)",
    "CREATE VIEW main.kept.v AS SELECT * FROM main.kept.t",
    "CREATE FUNCTION main.kept.f(x INT) RETURNS INT RETURN x + 1",
    "CREATE VOLUME main.kept.files",
    "CREATE TABLE hive_metastore.default.h AS SELECT 7 AS n",
    "GRANT USE SCHEMA, SELECT ON SCHEMA main.kept TO `account users`",
):
    spark.sql(statement)
"""
#: Asked before and after: what is there, to the last grant.
SHOWS = """
for statement in (
    "SELECT * FROM main.kept.v ORDER BY id",
    "SELECT main.kept.f(1)",
    "DESCRIBE TABLE main.kept.t",
    "SHOW TABLES IN main.kept",
    "SHOW VOLUMES IN main.kept",
    "SHOW GRANTS ON SCHEMA main.kept",
    "SHOW TBLPROPERTIES main.kept.t",
    "SELECT constraint_name FROM main.information_schema.table_constraints WHERE table_schema = 'kept'",
    "SELECT comment FROM main.information_schema.schemata WHERE schema_name = 'kept'",
    "SELECT n FROM hive_metastore.default.h",
):
    rows = [tuple(row) for row in spark.sql(statement).collect()]
    assert rows, statement
    print(rows)
try:
    spark.sql("INSERT INTO main.kept.t VALUES (1000)")
except Exception as error:
    print("DELTA_VIOLATE_CONSTRAINT" in str(error))
"""


def test_spark_connects_with_the_line_that_env_prints_and_finds_everything_after_a_kill(
    workspaces: WorkspaceHome,
) -> None:
    workspaces.start("dev", "--tls")
    variables = exported(workspaces, "dev")
    assert "use_ssl=true" in variables["SPARK_REMOTE"]
    before = run_spark(workspaces, variables, MAKES + SHOWS)
    assert before.returncode == 0, before.stderr[-2000:]
    assert "account users" in before.stdout and "('pk',)" in before.stdout and before.stdout.endswith("True\n")
    os.kill(server_process(workspaces), signal.SIGKILL)
    workspaces.start("dev")
    after = run_spark(workspaces, variables, SHOWS)
    assert after.stdout == before.stdout, after.stderr[-2000:]


def run_spark(workspaces: WorkspaceHome, variables: Mapping[str, str], code: str) -> subprocess.CompletedProcess[str]:
    """Execute code with a Spark session in a process that knows the workspace by these variables only."""
    program = workspaces.home / "spark_client.py"
    program.write_text(f"from pyspark.sql import SparkSession\nspark = SparkSession.builder.getOrCreate()\n{code}\n")
    environ = workspaces.environ | dict(variables)
    return subprocess.run(
        [sys.executable, str(program)], env=environ, capture_output=True, text=True, timeout=120, check=False
    )


def server_process(workspaces: WorkspaceHome) -> int:
    """The process of the server."""
    record = Layout(workspaces.home / "workspaces/dev").read_process()
    assert record is not None
    return record.pid
