"""MLflow's calls for somebody who may not do everything: what the matrix of levels does not show."""

from __future__ import annotations

import re
import uuid
from typing import Any

import httpx
import pytest
from databricks.sdk.errors import DatabricksError, InvalidParameterValue, NotFound, PermissionDenied
from databricks.sdk.service.ml import ModelInput

from brickyard.workspace.registry.reading import operations
from tests.workspace.permissions.actions import Thing
from tests.workspace.permissions.mlflow_objects import experiment, trace_info
from tests.workspace.permissions.people import Lab, Robot

# What everybody may ask: it says nothing of what anybody has.
FOR_ALL = {"/api/3.0/mlflow/server-info"}


@pytest.fixture(scope="module")
def theirs(lab: Lab, robot: Robot) -> Thing:
    """An experiment that the robot may not see."""
    return experiment(lab, robot)


@pytest.fixture(scope="module")
def mine(lab: Lab, robot: Robot) -> Thing:
    """An experiment that the robot may edit."""
    made = experiment(lab, robot)
    lab.grant("experiments", made.id, "CAN_EDIT", robot.ways["directly"])
    return made


def _all_operations() -> list[tuple[str, str]]:
    """Every operation of MLflow's server, and what is no operation of its messages, below the served prefixes."""
    from mlflow.server import app

    served = ("/api/2.0/mlflow/", "/api/3.0/mlflow/", "/ajax-api/2.0/mlflow/", "/ajax-api/3.0/mlflow/")
    found = {(rule.rule, method) for rule in app.url_map.iter_rules() for method in rule.methods or ()}
    found |= set(operations())
    known = [(path, method) for path, method in found if path.startswith(served) and method not in ("HEAD", "OPTIONS")]
    return sorted(known)


def test_an_operation_without_an_object_is_refused_or_shows_nothing(lab: Lab, other: Robot) -> None:
    """Whatever the server can do, asked for nothing in particular: a rule wants an id, and what has none is refused."""
    headers = {"Authorization": f"Bearer {other.token}"}
    wrong = []
    with httpx.Client(base_url=lab.workspace.host, headers=headers, timeout=60) as client:
        for path, method in _all_operations():
            address = re.sub("<[^>]*>", "none", path)
            for body in ({}, {"max_results": 5}):
                sent: dict[str, Any] = {"params": body} if method == "GET" else {"json": body}
                answer = client.request(method, address, **sent)
                empty = answer.status_code == 200 and not any(answer.json().values())
                if not (answer.status_code in (400, 403, 404, 501) or empty or address in FOR_ALL):
                    wrong.append((method, address, answer.status_code, answer.text[:200]))
    assert not wrong


@pytest.mark.parametrize(
    "path",
    ["/api/2.0/mlflow/webhooks", "/api/3.0/mlflow/label-schemas/create", "/ajax-api/2.0/mlflow/runs/search"],
)
def test_what_has_no_rule_is_for_administrators(robot: Robot, path: str) -> None:
    with pytest.raises(PermissionDenied, match="Only administrators of the workspace may"):
        robot.client.api_client.do("POST", path, body={})


def test_a_refusal_names_the_principal_the_level_and_the_experiment(robot: Robot, theirs: Thing) -> None:
    for word, call in (
        ("View", lambda: robot.client.experiments.get_run(theirs.more["run"])),
        ("Edit", lambda: robot.client.experiments.log_param("a", "1", run_id=theirs.more["run"])),
        ("Manage", lambda: robot.client.experiments.delete_experiment(theirs.id)),
    ):
        expected = f"User {robot.name} does not have permission to '{word}' experiment with id {theirs.id}"
        with pytest.raises(PermissionDenied, match=expected):
            call()


def test_what_is_not_there_is_not_found(robot: Robot) -> None:
    for call in (
        lambda: robot.client.experiments.get_experiment("987654"),
        lambda: robot.client.experiments.get_run("f" * 32),
        lambda: robot.client.experiments.get_by_name("/Users/nobody/nothing"),
        lambda: robot.client.model_registry.get_model("no such model"),
    ):
        with pytest.raises(NotFound):
            call()


def test_no_second_spelling_leads_past_the_check(lab: Lab, robot: Robot, mine: Thing, theirs: Thing) -> None:
    """What is checked is what MLflow's server reads: however one says it, only one experiment is meant."""
    headers = {"Authorization": f"Bearer {robot.token}"}
    secret, base = theirs.more["run"], f"{lab.workspace.host}/api/2.0/mlflow"
    tries: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", "runs/search", {"json": {"experiment_ids": [mine.id], "experimentIds": [theirs.id]}}),
        ("POST", "runs/search", {"json": {"experimentIds": [theirs.id]}}),
        ("POST", "runs/search", {"json": {"experiment_ids": [mine.id, theirs.id]}}),
        ("GET", f"runs/get?run_id={secret}&run_id={mine.more['run']}", {}),
        ("GET", f"runs/get?run_id={mine.more['run']}&run_uuid={secret}", {}),
        ("GET", "runs/get", {"json": {"run_id": secret}}),
        ("GET", f"artifacts/list?run_id={secret}", {"json": {"run_id": mine.more["run"]}}),
        ("POST", "runs/set-tag", {"json": {"run_id": mine.more["run"], "run_uuid": secret, "key": "a", "value": "b"}}),
        ("POST", "runs/set-tag", {"content": f'"{{\\"run_id\\": \\"{secret}\\", \\"key\\": \\"a\\"}}"'}),
        ("PATCH", f"logged-models/{mine.more['model']}/tags", {"json": {"model_id": theirs.more["model"]}}),
        ("POST", "experiments/update", {"json": {"experimentId": theirs.id, "new_name": theirs.more["elsewhere"]}}),
        ("POST", "experiments/create", {"json": {"name": f"/Users/{robot.name}/ok", "Name": theirs.name}}),
    ]
    for method, path, sent in tries:
        answer = httpx.request(method, f"{base}/{path}", headers=headers, timeout=60, **sent)
        if path.startswith("experiments/create"):
            assert answer.status_code == 200 and lab.w.experiments.get_by_name(f"/Users/{robot.name}/ok")
        else:
            assert answer.status_code in (400, 403), (method, path, sent, answer.text)
    run = lab.w.experiments.get_run(secret).run
    assert run and run.data and "a" not in {tag.key for tag in run.data.tags or []}
    assert lab.w.experiments.get_experiment(theirs.id).experiment.name == theirs.name


def test_a_list_goes_on_until_there_is_something_for_the_caller(lab: Lab, other: Robot) -> None:
    folder = lab.folder()
    made = [lab.w.experiments.create_experiment(f"{folder}/{number}").experiment_id or "" for number in range(6)]
    assert list(other.client.experiments.search_experiments(max_results=2)) == []
    lab.grant("experiments", made[0], "CAN_READ", other.ways["by a group"])
    first = other.client.api_client.do("POST", "/api/2.0/mlflow/experiments/search", body={"max_results": 2})
    assert isinstance(first, dict) and [one["experiment_id"] for one in first["experiments"]] == [made[0]]
    found = other.client.experiments.search_experiments(max_results=2)
    assert [one.experiment_id for one in found] == [made[0]]
    query = {"max_results": "2", "filter": "name LIKE '/Users/%'"}
    asked = other.client.api_client.do("GET", "/api/2.0/mlflow/experiments/search", query=query)
    assert isinstance(asked, dict) and [one["experiment_id"] for one in asked["experiments"]] == [made[0]]


def test_traces_cannot_be_taken_over_or_sent_to_files_of_the_server(
    lab: Lab, robot: Robot, mine: Thing, theirs: Thing
) -> None:
    def start(**info: Any) -> object:
        body = {"trace": {"trace_info": info}}
        return robot.client.api_client.do("POST", "/api/3.0/mlflow/traces", body=body)

    with pytest.raises(PermissionDenied):
        start(**trace_info(theirs.more["trace"], mine.id))
    for tag in ("mlflow.trace.archiveLocation", "mlflow.trace.spansLocation"):
        with pytest.raises(PermissionDenied, match=tag):
            start(**trace_info(f"tr-{uuid.uuid4().hex}", mine.id, tags={tag: "/etc"}))
        with pytest.raises(PermissionDenied, match=tag):
            path = f"/api/3.0/mlflow/traces/{mine.more['trace']}/tags"
            robot.client.api_client.do("PATCH", path, body={"key": tag, "value": "/etc"})
    with pytest.raises(InvalidParameterValue, match="mlflow_experiment"):
        start(**trace_info(f"tr-{uuid.uuid4().hex}", mine.id) | {"trace_location": {"type": "INFERENCE_TABLE"}})


def test_a_run_reaches_no_model_of_another_experiment(robot: Robot, mine: Thing, theirs: Thing) -> None:
    experiments, run = robot.client.experiments, mine.more["run"]
    with pytest.raises(PermissionDenied, match=f"'Edit' experiment with id {theirs.id}"):
        experiments.log_metric("m", 1.0, 1, run_id=run, model_id=theirs.more["model"])
    with pytest.raises(PermissionDenied, match=f"'View' experiment with id {theirs.id}"):
        experiments.log_inputs(run, models=[ModelInput(theirs.more["model"])])
    with pytest.raises(PermissionDenied, match=f"'View' experiment with id {theirs.id}"):
        experiments.create_logged_model(mine.id, source_run_id=theirs.more["run"])


def test_artifacts_elsewhere_need_rights_there(lab: Lab, robot: Robot) -> None:
    """Whoever makes an experiment says where its artifacts are: that gives no right to look there."""
    folder = lab.folder()
    name = f"/Users/{robot.name}/{lab.name('e')}"
    made = robot.client.experiments.create_experiment(name, artifact_location=f"/Workspace{folder}").experiment_id
    run = robot.client.experiments.create_run(experiment_id=made).run
    assert run and run.info and run.info.run_id
    with pytest.raises(PermissionDenied):
        list(robot.client.experiments.list_artifacts(run_id=run.info.run_id))
    assert list(lab.w.experiments.list_artifacts(run_id=run.info.run_id)) == []


def test_a_data_set_of_several_experiments_needs_them_all(lab: Lab, robot: Robot, mine: Thing, theirs: Thing) -> None:
    body = {"name": lab.name("shared"), "experiment_ids": [mine.id, theirs.id]}
    made = lab.w.api_client.do("POST", "/api/3.0/mlflow/datasets/create", body=body)
    assert isinstance(made, dict)
    path = f"/api/3.0/mlflow/datasets/{made['dataset']['dataset_id']}"
    with pytest.raises(PermissionDenied):
        robot.client.api_client.do("GET", path)
    with pytest.raises(PermissionDenied):
        robot.client.api_client.do("POST", "/api/3.0/mlflow/datasets/create", body=body | {"name": "x"})
    alone = lab.w.api_client.do("POST", "/api/3.0/mlflow/datasets/create", body={"name": lab.name("alone")})
    assert isinstance(alone, dict)
    with pytest.raises(PermissionDenied, match="no experiment has it"):
        robot.client.api_client.do("GET", f"/api/3.0/mlflow/datasets/{alone['dataset']['dataset_id']}")


def test_whoever_makes_an_experiment_or_a_model_manages_it(lab: Lab, other: Robot) -> None:
    shared = other.client.experiments.create_experiment(f"/Shared/{lab.name('made')}").experiment_id or ""
    own = other.client.permissions.get("experiments", shared).access_control_list or []
    assert [one.service_principal_name for one in own if not (one.all_permissions or [])[0].inherited] == [other.name]
    other.client.experiments.delete_experiment(shared)
    with pytest.raises(PermissionDenied):
        other.client.experiments.create_experiment(f"/Users/{lab.owner}/{lab.name('not-there')}")
    name = lab.name("made")
    other.client.model_registry.create_model(name)
    found = other.client.model_registry.get_model(name).registered_model_databricks
    assert found and found.user_id == other.name and found.permission_level
    assert found.permission_level.value == "CAN_MANAGE"
    other.client.model_registry.delete_model(name)


def test_the_id_of_a_model_stays_and_its_grants_end_with_it(lab: Lab, other: Robot) -> None:
    name, registry = lab.name("kept"), lab.w.model_registry

    def model_id(of: str) -> str:
        found = registry.get_model(of).registered_model_databricks
        assert found and found.id
        return found.id

    registry.create_model(name)
    before = model_id(name)
    lab.grant("registered-models", before, "CAN_READ", other.ways["directly"])
    registry.rename_model(name, new_name=f"{name}-2")
    assert model_id(f"{name}-2") == before
    assert other.client.model_registry.get_model(f"{name}-2")
    registry.delete_model(f"{name}-2")
    with pytest.raises(NotFound):
        lab.w.permissions.get("registered-models", before)
    registry.create_model(f"{name}-2")
    assert model_id(f"{name}-2") != before
    with pytest.raises(PermissionDenied):
        other.client.model_registry.get_model(f"{name}-2")


def test_stages_are_managed_by_whom_they_are_given_to(lab: Lab, other: Robot) -> None:
    name, registry = lab.name("staged"), other.client.model_registry
    lab.w.model_registry.create_model(name)
    lab.w.model_registry.create_model_version(name, "dbfs:/none")
    found = lab.w.model_registry.get_model(name).registered_model_databricks
    assert found and found.id
    lab.grant("registered-models", found.id, "CAN_MANAGE_STAGING_VERSIONS", other.ways["directly"])
    for stage in ("Staging", "Archived", "None"):
        moved = registry.transition_stage(name, "1", stage, False).model_version_databricks
        assert moved and moved.current_stage and moved.current_stage == stage
    lab.w.model_registry.transition_stage(name, "1", "Production", False)
    with pytest.raises(PermissionDenied, match="Manage Production Versions"):
        registry.transition_stage(name, "1", "Archived", False)  # out of production is a change of production
    with pytest.raises(DatabricksError, match="comments on stage transitions are not implemented"):
        lab.w.model_registry.transition_stage(name, "1", "Archived", False, comment="because")


def test_the_clients_of_mlflow_work_in_ones_own_folder(lab: Lab, other: Robot, monkeypatch: pytest.MonkeyPatch) -> None:
    import mlflow

    monkeypatch.setenv("DATABRICKS_HOST", lab.workspace.host)
    monkeypatch.setenv("DATABRICKS_TOKEN", other.token)
    client = mlflow.MlflowClient("databricks", "databricks-uc")
    made = client.create_experiment(f"/Users/{other.name}/{lab.name('own')}")
    run = client.create_run(made)
    client.log_metric(run.info.run_id, "loss", 0.5)
    client.log_dict(run.info.run_id, {"a": 1}, "some/thing.json")
    client.set_terminated(run.info.run_id)
    assert [one.path for one in client.list_artifacts(run.info.run_id, "some")] == ["some/thing.json"]
    assert client.search_runs([made])[0].data.metrics == {"loss": 0.5}
    assert [one.experiment_id for one in client.search_experiments()] == [made]
