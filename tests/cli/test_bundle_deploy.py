"""`validate`, `plan`, `deploy` and `destroy` against a real workspace."""

from __future__ import annotations

import itertools
import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest
from databricks.sdk.errors import NotFound
from databricks.sdk.service.jobs import JobSettings
from databricks.sdk.service.workspace import ImportFormat

from tests.cli.bundles import Bundle, make_bundle
from tests.support import LocalWorkspace

_numbers = itertools.count(1)


@pytest.fixture
def bundle(workspace: LocalWorkspace, tmp_path: Path) -> Bundle:
    return make_bundle(tmp_path, f"deploy_{os.getpid()}_{next(_numbers)}", workspace)


def state(bundle: Bundle) -> dict:
    with bundle.workspace.client().workspace.download(f"/Workspace/Shared/{bundle.name}/state/resources.json") as file:
        return json.load(file)


def test_a_deploy_creates_what_is_declared_and_a_second_changes_nothing(bundle: Bundle) -> None:
    first = bundle.run("deploy")

    assert f"created  schema 'main.{bundle.name}'" in first
    client = bundle.workspace.client()
    assert client.volumes.read(f"main.{bundle.name}.raw").volume_type is not None
    jobs = bundle.jobs()
    assert set(jobs) == {f"{bundle.name} hello", f"{bundle.name} after"}
    settings = client.jobs.get(jobs[f"{bundle.name} after"]).settings
    assert settings is not None and settings.tags == {"hello_job": str(jobs[f"{bundle.name} hello"])}
    before = state(bundle)

    assert "no changes" in bundle.run("deploy")
    assert "no changes" in bundle.run("plan")
    assert state(bundle) == before
    assert bundle.jobs() == jobs


def test_a_plan_says_what_would_change_and_changes_nothing(bundle: Bundle) -> None:
    assert f"+ jobs.hello: create the job '{bundle.name} hello' (it is new)" in bundle.run("plan")
    assert bundle.jobs() == {}
    bundle.run("deploy")
    bundle.replace("default: world", "default: moon")
    (bundle.root / "scripts" / "main.py").write_text("print('changed')\n")

    text = bundle.run("plan")

    assert 'parameters[who].default: "world" -> "moon"' in text
    assert "    scripts/main.py" in text
    assert "1 to change, 2 files to upload" in text
    bundle.run("deploy")
    settings = bundle.workspace.client().jobs.get(bundle.jobs()[f"{bundle.name} hello"]).settings
    assert settings is not None and settings.parameters is not None
    assert settings.parameters[0].default == "moon"


def test_what_was_changed_by_hand_is_shown_and_put_back(bundle: Bundle) -> None:
    bundle.run("deploy")
    client = bundle.workspace.client()
    job_id = bundle.jobs()[f"{bundle.name} hello"]
    client.jobs.update(job_id, new_settings=JobSettings(max_concurrent_runs=7, tags={"by": "hand"}))
    client.schemas.update(f"main.{bundle.name}", comment="by hand")

    text = bundle.run("plan")

    assert "max_concurrent_runs: 7 -> 1  (changed in the workspace)" in text
    assert 'tags.by: "hand" -> (none)  (changed in the workspace)' in text
    assert 'comment: "by hand" -> "first"  (changed in the workspace)' in text
    bundle.run("deploy")
    settings = client.jobs.get(job_id).settings
    assert settings is not None and settings.max_concurrent_runs == 1 and not settings.tags
    assert "no changes" in bundle.run("plan")


def test_a_job_that_was_deleted_by_hand_is_created_again_with_what_refers_to_it(bundle: Bundle) -> None:
    bundle.run("deploy")
    client = bundle.workspace.client()
    client.jobs.delete(bundle.jobs()[f"{bundle.name} hello"])

    assert "it is gone from the workspace" in bundle.run("plan")
    bundle.run("deploy")

    jobs = bundle.jobs()
    settings = client.jobs.get(jobs[f"{bundle.name} after"]).settings
    assert settings is not None and settings.tags == {"hello_job": str(jobs[f"{bundle.name} hello"])}


def test_what_holds_data_is_deleted_only_after_approval(bundle: Bundle) -> None:
    bundle.run("deploy")
    text = bundle.file.read_text()
    start, end = text.index("  volumes:"), text.index("  jobs:")
    bundle.file.write_text(text[:start] + text[end:])

    refused = bundle.run("deploy", code=6)
    assert f"volumes.raw: volume 'main.{bundle.name}.raw'" in refused
    assert "--auto-approve" in refused
    client = bundle.workspace.client()
    assert client.volumes.read(f"main.{bundle.name}.raw") is not None

    bundle.run("deploy", "--auto-approve")
    with pytest.raises(NotFound):
        client.volumes.read(f"main.{bundle.name}.raw")


def test_files_that_leave_the_project_leave_the_workspace(bundle: Bundle) -> None:
    (bundle.root / "old.txt").write_text("old")
    (bundle.root / "ignored.txt").write_text("never")
    (bundle.root / ".gitignore").write_text("ignored.txt\n")
    bundle.run("deploy")
    (bundle.root / "old.txt").unlink()
    client = bundle.workspace.client()
    names = [item.path for item in client.workspace.list(f"/Workspace/Shared/{bundle.name}/files")]
    assert any(str(name).endswith("/old.txt") for name in names)
    assert not any(str(name).endswith("/ignored.txt") for name in names)

    bundle.run("deploy")

    names = [item.path for item in client.workspace.list(f"/Workspace/Shared/{bundle.name}/files")]
    assert not any(str(name).endswith("/old.txt") for name in names)


def test_a_saved_plan_is_applied_once_and_refused_after_the_state_moved(bundle: Bundle) -> None:
    bundle.run("deploy")
    bundle.replace("comment: first", "comment: second")
    saved = bundle.root / "plan.json"
    (bundle.root / ".gitignore").write_text("plan.json\n")
    saved.write_text(bundle.run("plan", "-o", "json"))

    bundle.run("deploy", "--plan", "plan.json")
    assert bundle.workspace.client().schemas.get(f"main.{bundle.name}").comment == "second"

    refused = bundle.run("deploy", "--plan", "plan.json", code=6)
    assert "the plan was made for serial 1" in refused


def test_a_resource_of_somebody_else_is_not_taken_over_unless_asked(bundle: Bundle) -> None:
    client = bundle.workspace.client()
    client.schemas.create(name=bundle.name, catalog_name="main", comment="mine")

    refused = bundle.run("deploy", code=6)
    assert f"the schema 'main.{bundle.name}' exists already" in refused
    assert "--adopt" in refused

    bundle.run("deploy", "--adopt")
    assert client.schemas.get(f"main.{bundle.name}").comment == "first"


def test_destroy_leaves_nothing(bundle: Bundle) -> None:
    bundle.run("deploy")
    assert "--auto-approve" in bundle.run("destroy", code=6)

    bundle.run("destroy", "--auto-approve")

    client = bundle.workspace.client()
    assert bundle.jobs() == {}
    with pytest.raises(NotFound):
        client.schemas.get(f"main.{bundle.name}")
    with pytest.raises(NotFound):
        client.workspace.get_status(f"/Workspace/Shared/{bundle.name}")
    assert "nothing is deployed" in bundle.run("destroy", "--auto-approve")


def test_a_lock_is_respected_while_its_holder_lives_and_taken_over_when_it_is_dead(bundle: Bundle) -> None:
    from brickyard.plan.lock import Holder

    bundle.run("deploy")
    sleeper = subprocess.Popen(["sleep", "300"])
    path = f"/Workspace/Shared/{bundle.name}/state/deploy.lock"
    here = Holder.here("ann", "brickyard deploy")
    started = Path(f"/proc/{sleeper.pid}/stat").read_text().rpartition(")")[2].split()[19]
    held = {**{name: getattr(here, name) for name in Holder.__slots__}, "pid": sleeper.pid, "started": started}
    client = bundle.workspace.client()
    client.workspace.upload(path, json.dumps(held).encode(), format=ImportFormat.RAW, overwrite=True)
    try:
        refused = bundle.run("deploy", code=6)
        assert f"the deployment is locked by ann (brickyard deploy, process {sleeper.pid}" in refused
        assert "--force-lock" in refused
    finally:
        sleeper.kill()
        sleeper.wait()

    claim = f"{path}.claim"
    other = {**held, "pid": os.getpid(), "started": here.started, "user": "bob"}
    client.workspace.upload(claim, json.dumps(other).encode(), format=ImportFormat.RAW, overwrite=True)
    assert "the deployment is locked by bob" in bundle.run("deploy", code=6), "bob is just taking it over"
    client.workspace.delete(claim)

    taken = bundle.run("deploy")
    assert "is taken over: its process has ended" in taken
    with pytest.raises(NotFound):
        client.workspace.get_status(claim)
    with pytest.raises(NotFound):
        client.workspace.get_status(path)


def check_after_kill(bundle: Bundle) -> None:
    """The next deploy completes what was interrupted, and nothing is there twice."""
    bundle.run("deploy")
    assert set(bundle.jobs()) == {f"{bundle.name} hello", f"{bundle.name} after"}
    assert "no changes" in bundle.run("plan")
    bundle.run("destroy", "--auto-approve")
    assert bundle.jobs() == {}


EVERY_TYPE = """
bundle: {{name: {name}}}
workspace: {{root_path: /Workspace/Shared/{name}}}
resources:
  catalogs:
    own: {{name: {name}, comment: all of it}}
  schemas:
    data: {{catalog_name: "${{resources.catalogs.own.name}}", name: data}}
  registered_models:
    delay: {{catalog_name: {name}, schema_name: "${{resources.schemas.data.name}}", name: delay}}
  experiments:
    trials: {{name: /Shared/{name}_trials, tags: [{{key: team, value: flights}}, {{key: old, value: x}}]}}
  secret_scopes:
    keys: {{name: {name}}}
  model_serving_endpoints:
    delay_endpoint:
      name: {name}
      tags: [{{key: team, value: flights}}, {{key: gone, value: x}}]
      ai_gateway: {{rate_limits: [{{calls: 10, key: user, renewal_period: minute}}]}}
      email_notifications: {{on_update_failure: [me@example.net]}}
      config:
        served_entities:
          - entity_name: ${{resources.registered_models.delay.full_name}}
            entity_version: champion
            workload_size: Small
            scale_to_zero_enabled: false
"""


def test_every_type_of_resource_is_created_once_changed_and_deleted(bundle: Bundle) -> None:
    bundle.file.write_text(EVERY_TYPE.format(name=bundle.name))
    bundle.run("deploy")
    assert "no changes" in bundle.run("deploy")

    bundle.replace("comment: all of it", "comment: changed")
    bundle.replace("value: flights}, {key: old, value: x}", "value: trains}")
    bundle.replace(", {key: gone, value: x}", "")
    bundle.replace("calls: 10", "calls: 20")
    bundle.replace(
        "email_notifications: {on_update_failure: [me@example.net]}",
        "rate_limits: [{calls: 9, renewal_period: minute}]",
    )
    before = bundle.workspace.client().serving_endpoints.get(bundle.name).id
    assert "3 to change" in bundle.run("plan")
    bundle.run("deploy")
    assert "no changes" in bundle.run("plan")
    client = bundle.workspace.client()
    experiment = client.experiments.get_by_name(f"/Shared/{bundle.name}_trials").experiment
    assert experiment is not None
    tags = {str(tag.key): tag.value for tag in experiment.tags or () if "mlflow." not in str(tag.key)}
    assert tags == {"team": "trains"}
    endpoint = client.serving_endpoints.get(bundle.name)
    assert [tag.key for tag in endpoint.tags or ()] == ["team"]
    assert (endpoint.id, endpoint.email_notifications) == (before, None)
    assert endpoint.ai_gateway is not None and [limit.calls for limit in endpoint.ai_gateway.rate_limits or ()] == [20]

    bundle.run("destroy", "--auto-approve")
    assert bundle.name not in [scope.name for scope in client.secrets.list_scopes()]
    assert bundle.name not in [catalog.name for catalog in client.catalogs.list()]
    bundle.run("deploy")
    bundle.run("destroy", "--auto-approve")


@pytest.mark.parametrize("line", ["uploaded", "created  schema", "created  job"])
def test_a_deploy_that_is_killed_is_completed_by_the_next(bundle: Bundle, line: str) -> None:
    process = bundle.start("deploy")
    assert process.stdout is not None
    for text in process.stdout:
        if line in text:
            break
    process.send_signal(signal.SIGKILL)
    process.wait()

    check_after_kill(bundle)


@pytest.fixture(scope="module")
def seconds_of_a_deploy(workspace: LocalWorkspace, tmp_path_factory: pytest.TempPathFactory) -> float:
    """How long a first deploy takes here and now, so that a kill hits any part of it."""
    made = make_bundle(tmp_path_factory.mktemp("timed"), f"timed_{os.getpid()}", workspace)
    begin = time.monotonic()
    made.run("deploy")
    return time.monotonic() - begin


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(20))
def test_a_deploy_that_is_killed_at_any_moment_is_completed_by_the_next(
    bundle: Bundle, seconds_of_a_deploy: float, seed: int
) -> None:
    process = bundle.start("deploy")
    try:
        process.wait(random.Random(seed).uniform(0, seconds_of_a_deploy))
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()

    check_after_kill(bundle)


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"DATABRICKS_HOST": "http://127.0.0.1:9"}, "the workspace cannot be reached: connection refused"),
        ({"DATABRICKS_TOKEN": "wrong"}, "the workspace refuses the credentials"),
        ({"DATABRICKS_HOST": "", "DATABRICKS_TOKEN": ""}, "it is not known which workspace to connect to"),
    ],
)
def test_a_workspace_that_cannot_be_used_is_named(bundle: Bundle, environ: dict[str, str], expected: str) -> None:
    environ = {"HOME": str(bundle.root / "home"), **environ}

    assert expected in bundle.run("deploy", code=4, environ=environ)


def test_faults_of_the_project_come_before_anything_else(bundle: Bundle) -> None:
    bundle.replace("notebooks/greet.py", "notebooks/gret.py")

    text = bundle.run("deploy", code=3)

    assert "the notebook 'notebooks/gret.py' does not exist; did you mean 'notebooks/greet.py'?" in text
    assert "databricks.yml:15:42" in text


def test_validate_prints_the_resolved_project(bundle: Bundle) -> None:
    data = json.loads(bundle.run("validate", "-o", "json"))

    assert data["bundle"] == {"name": bundle.name, "target": "default", "mode": None}
    assert data["resources"]["volumes"]["raw"]["schema_name"] == bundle.name
