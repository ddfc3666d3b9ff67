"""dbt tasks, with a program in dbt's place: dbt itself is for the user to bring."""

from __future__ import annotations

import io
import tarfile

import pytest
import requests
from databricks.sdk.errors import InvalidParameterValue
from databricks.sdk.service import compute, jobs
from databricks.sdk.service.workspace import ImportFormat

from tests.support import LocalWorkspace
from tests.workspace.jobs.job_client import Client, codes, results
from tests.workspace.jobs.test_failures import wheel

#: As dbt does: it reads the project and the profile, leaves what it has made in `target`, and ends with a code.
PROGRAM = """
import os, pathlib, sys, urllib.request
def cli():
    print("dbt", sys.argv[1:], sys.prefix != sys.base_prefix)
    print(pathlib.Path("dbt_project.yml").read_text())
    print(pathlib.Path(os.environ["DBT_PROFILES_DIR"], "profiles.yml").read_text())
    print({name: os.environ.get(f"DBT_{name}") for name in ("HOST", "HTTP_PATH", "CATALOG", "SCHEMA", "ACCESS_TOKEN")})
    pathlib.Path("target").mkdir(exist_ok=True)
    pathlib.Path("target", sys.argv[1] + ".txt").write_text("made")
    secret = os.environ["DBT_ACCESS_TOKEN"]
    pathlib.Path("target", "compiled.sql").write_text(f"SELECT '{secret}'")
    pathlib.Path("target", "parsed.msgpack").write_bytes(b"\\xff" + secret.encode())
    pathlib.Path("target", "graph.gpickle").write_bytes(b"\\xff")
    sys.exit(2 if sys.argv[1] == "fail" else 0)
"""


@pytest.fixture
def project(client: Client) -> str:
    """A dbt project in the workspace."""
    for name, text in {"dbt_project.yml": "name: shop\nprofile: shop\n", "mine/profiles.yml": "shop: {}\n"}.items():
        path = f"{client.directory}/shop/{name}"
        client.sdk.workspace.mkdirs(path.rpartition("/")[0])
        client.sdk.workspace.upload(path, io.BytesIO(text.encode()), format=ImportFormat.AUTO, overwrite=True)
    return f"{client.directory}/shop"


def dbt(client: Client, key: str, project: str, *commands: str, **more: str) -> jobs.Task:
    """A dbt task whose library is the program."""
    path = f"{client.directory}/fake_dbt-1.0-py3-none-any.whl"
    content = wheel("fake_dbt", {"dbt/cli/main.py": PROGRAM, "dbt/__init__.py": "", "dbt/cli/__init__.py": ""})
    client.sdk.workspace.upload(path, io.BytesIO(content), format=ImportFormat.AUTO, overwrite=True)
    work = jobs.DbtTask(commands=list(commands), project_directory=project, **more)
    return jobs.Task(key, dbt_task=work, libraries=[compute.Library(whl=f"/Workspace{path}")])


def test_commands_run_in_order_with_a_profile_for_the_warehouse(
    client: Client, project: str, workspace: LocalWorkspace
) -> None:
    job_id = client.job(
        dbt(client, "build", project, "dbt seed", "dbt run --vars '{n: {{job.id}}}'", warehouse_id="w1", schema="gold"),
        dbt(client, "own", project, "dbt run", profiles_directory="mine"),
        dbt(client, "broken", project, "dbt fail", "dbt seed", warehouse_id="w1"),
        dbt(client, "missing", f"{project}/none", "dbt run", warehouse_id="w1"),
    )
    run = client.ended(client.started(job_id))
    assert results(run) == {"build": "SUCCESS", "own": "SUCCESS", "broken": "FAILED", "missing": "FAILED"}
    assert codes(run)["missing"] == ("INTERNAL_ERROR", "RESOURCE_NOT_FOUND")

    build = client.output(run, "build")
    logs = build.logs or ""
    assert f"dbt ['run', '--vars', '{{n: {job_id}}}'] True" in logs and logs.index("['seed']") < logs.index("['run'")
    assert "'HTTP_PATH': '/sql/1.0/warehouses/w1', 'CATALOG': 'main', 'SCHEMA': 'gold'" in logs
    assert "shop:\n  target: databricks" in logs
    assert "'ACCESS_TOKEN': '[REDACTED]'" in logs
    assert build.dbt_output and build.dbt_output.artifacts_link
    answer = requests.get(build.dbt_output.artifacts_link, timeout=20)
    with tarfile.open(fileobj=io.BytesIO(answer.content)) as archive:
        assert {"target/seed.txt", "target/run.txt"} <= set(archive.getnames())
        compiled = archive.extractfile("target/compiled.sql")
        assert compiled and compiled.read() == b"SELECT '[REDACTED]'"
        assert "target/graph.gpickle" in archive.getnames() and "target/parsed.msgpack" not in archive.getnames()
    assert not list(workspace.root.glob("**/work/dbt"))
    assert requests.get(build.dbt_output.artifacts_link.partition("?")[0], timeout=20).status_code == 403
    assert "shop: {}" in (client.output(run, "own").logs or "")

    other = client.ended(client.started(job_id, only=["own"], dbt_commands=["dbt seed", "run"]))
    assert codes(other)["own"][1] == "INVALID_RUN_CONFIGURATION"
    assert "the command 'run' must begin with dbt" in (client.output(other, "own").error or "")

    broken = client.output(run, "broken")
    assert broken.error == "The command 'dbt fail' ended with exit code 2; its output says why"
    assert "['seed']" not in (broken.logs or "")


def test_what_dbt_could_not_do_is_refused(client: Client, project: str) -> None:
    with pytest.raises(InvalidParameterValue, match="must begin with dbt"):
        client.job(dbt(client, "a", project, "rm -rf /", warehouse_id="w1"))
    with pytest.raises(InvalidParameterValue, match="needs warehouse_id, or profiles_directory"):
        client.job(dbt(client, "a", project, "dbt run"))
