from pathlib import Path

import pytest

from brickyard.errors import ProjectError, UsageError
from brickyard.project import Bar, ChampionRule, Environment, ScoringPolicy, load_project
from tests.project.writing import JOB, faults_of, load, write

TARGETS = """
bundle: {name: flights}
variables:
  catalog: {default: main}
  hours: {type: complex, default: [1, 2]}
targets:
  dev:
    default: true
    workspace: {profile: dev}
  prod:
    workspace: {host: https://prod.example.net/, root_path: /Workspace/Shared/flights}
    variables: {catalog: sales}
    resources:
      jobs:
        train:
          tasks:
            - task_key: fit
              timeout_seconds: 60
resources:
  schemas:
    flights: {catalog_name: "${var.catalog}", name: flights}
  jobs:
    train:
      name: train in ${bundle.target}
      tasks:
        - task_key: fit
          notebook_task:
            notebook_path: ./notebooks/train.py
            base_parameters: {year: 2013, schema: "${resources.schemas.flights.full_name}"}
"""


def test_the_default_target_is_chosen_and_its_paths_are_left_to_the_user(tmp_path: Path) -> None:
    project = load(tmp_path, {"databricks.yml": TARGETS})

    assert (project.bundle_name, project.target, project.workspace.profile) == ("flights", "dev", "dev")
    assert project.workspace.root_path.startswith("/Workspace/Users/${workspace.current_user.userName}/.bundle/")
    signed_in = project.for_user("ann.lee@example.net")
    assert signed_in.workspace.state_path == "/Workspace/Users/ann.lee@example.net/.bundle/flights/dev/state"


def test_a_target_overrides_variables_and_tasks_by_their_key(tmp_path: Path) -> None:
    project = load(tmp_path, {"databricks.yml": TARGETS}, "prod")

    job = project.resource("jobs", "train")
    assert job is not None
    assert job.config["name"] == "train in prod"
    assert [task["task_key"] for task in job.config["tasks"]] == ["fit"]
    assert job.config["tasks"][0]["timeout_seconds"] == 60
    assert job.config["tasks"][0]["notebook_task"] == {
        "notebook_path": "/Workspace/Shared/flights/files/notebooks/train",
        "base_parameters": {"year": "2013", "schema": "sales.flights"},
    }
    assert job.depends_on == ("schemas.flights",)
    assert project.workspace.host == "https://prod.example.net"


def test_the_same_files_are_resolved_for_another_target(tmp_path: Path) -> None:
    project = load(tmp_path, {"databricks.yml": TARGETS}, "dev", user="ann@example.net")

    assert project.for_target("prod").variables == {"catalog": "sales", "hours": [1, 2]}
    assert project.for_target("prod").user == "ann@example.net"


def test_variables_come_from_the_option_then_the_environment_then_the_target(tmp_path: Path) -> None:
    root = write(tmp_path, {"databricks.yml": TARGETS})

    exported = {"BUNDLE_VAR_catalog": "exported"}
    assert load_project(root, "prod").variables["catalog"] == "sales"
    assert load_project(root, "prod", environ=exported).variables["catalog"] == "exported"
    assert load_project(root, "prod", {"catalog": "given"}, exported).variables["catalog"] == "given"
    assert load_project(root, "prod", {"hours": "[3]"}).variables["hours"] == [3]


def test_included_files_name_paths_relative_to_themselves(tmp_path: Path) -> None:
    task = "{task_key: a, notebook_task: {notebook_path: ../notebooks/train.py}}"
    job = f"resources:\n  jobs:\n    train:\n      tasks: [{task}]\n"
    files = {"databricks.yml": "bundle: {name: flights}\ninclude: [resources/*.yml]\n", "resources/a.yml": job}
    project = load(tmp_path, files, user="ann")

    found = project.resource("jobs", "train")
    assert found is not None
    assert found.config["tasks"][0]["notebook_task"]["notebook_path"].endswith("/files/notebooks/train")
    assert str(found.at) == "resources/a.yml:3:5"


def test_a_job_gets_the_defaults_of_the_bundle_format(tmp_path: Path) -> None:
    job = load(tmp_path, {"databricks.yml": JOB}).resource("jobs", "train")

    assert job is not None
    assert job.config["max_concurrent_runs"] == 1
    assert job.config["queue"] == {"enabled": True}
    assert job.config["edit_mode"] == "UI_LOCKED"


def test_development_marks_what_it_deploys(tmp_path: Path) -> None:
    text = """
    bundle: {name: flights}
    targets: {dev: {mode: development}}
    resources:
      schemas: {flights: {catalog_name: main, name: flights}}
      jobs:
        train:
          schedule: {quartz_cron_expression: "0 0 * * * ?", timezone_id: UTC}
          tasks: [{task_key: fit, notebook_task: {notebook_path: notebooks/train.py}}]
    """
    project = load(tmp_path, {"databricks.yml": text}, user="ann.lee@example.net")

    schema, job = project.resource("schemas", "flights"), project.resource("jobs", "train")
    assert schema is not None and schema.config["name"] == "dev_ann_lee_flights"
    assert job is not None and job.config["name"] == "[dev ann_lee] train"
    assert job.config["schedule"]["pause_status"] == "PAUSED"
    assert job.config["tags"] == {"dev": "ann_lee"}


def test_what_is_known_only_after_deploy_stays_as_written(tmp_path: Path) -> None:
    text = """
    bundle: {name: flights}
    resources:
      jobs:
        one: {tasks: [{task_key: a, notebook_task: {notebook_path: notebooks/train.py}}]}
        two:
          parameters: [{name: other, default: "${resources.jobs.one.id}"}]
          tasks: [{task_key: a, notebook_task: {notebook_path: notebooks/train.py}}]
    """
    job = load(tmp_path, {"databricks.yml": text}).resource("jobs", "two")

    assert job is not None
    assert job.config["parameters"] == [{"name": "other", "default": "${resources.jobs.one.id}"}]
    assert job.depends_on == ("jobs.one",)


def test_local_wheels_stay_local_and_requirements_go_to_the_workspace(tmp_path: Path) -> None:
    text = """
    bundle: {name: flights}
    artifacts: {flights: {type: whl, path: wheel}}
    resources:
      jobs:
        train:
          environments:
            - environment_key: default
              spec:
                environment_version: 2
                dependencies: [./wheel/dist/*.whl, "pandas>=2", -r requirements.txt, /Volumes/a/b/c/x.whl]
          tasks: [{task_key: fit, environment_key: default, spark_python_task: {python_file: main.py}}]
    """
    files = {"databricks.yml": text, "wheel/pyproject.toml": "", "requirements.txt": "", "main.py": "print(1)"}
    project = load(tmp_path, files, user="ann")

    job = project.resource("jobs", "train")
    assert job is not None
    spec = job.config["environments"][0]["spec"]
    files_path = project.workspace.file_path
    expected = ["./wheel/dist/*.whl", "pandas>=2", f"-r {files_path}/requirements.txt", "/Volumes/a/b/c/x.whl"]
    assert spec == {"environment_version": "2", "dependencies": expected}
    assert project.artifacts[0].path == tmp_path / "wheel"


POLICIES = """
environments:
  dev: {target: dev}
  prod: {target: prod, promote_from: dev, approvals: 1}
models:
  delay:
    name: ${var.catalog}.flights.delay
    gate:
      data: ${var.catalog}.flights.evaluation
      label: late
      keys: [flight_id]
      bars: {roc_auc: {min: 0.7}, log_loss: {max: 1}}
      champion: {metric: roc_auc}
    scoring: {input: main.flights.scoring, output: main.flights.predictions, keys: [flight_id]}
    endpoint: flights-delay
"""


def test_policies_are_resolved_for_the_target(tmp_path: Path) -> None:
    project = load(tmp_path, {"databricks.yml": TARGETS, "brickyard.yml": POLICIES}, "prod")

    assert project.environments == (Environment("dev", "dev"), Environment("prod", "prod", "dev", 1))
    model = project.models["delay"]
    assert (model.name, model.alias, model.candidate_alias) == ("sales.flights.delay", "champion", "challenger")
    assert model.gate.data == "sales.flights.evaluation"
    assert model.gate.bars == {"roc_auc": Bar(min=0.7), "log_loss": Bar(max=1.0)}
    assert model.gate.champion == ChampionRule("roc_auc", 0.0)
    assert model.scoring == ScoringPolicy(
        input="main.flights.scoring", output="main.flights.predictions", keys=("flight_id",)
    )
    assert project.for_target(project.environment("dev").target).models["delay"].name == "main.flights.delay"


def test_an_unknown_environment_is_named_with_the_nearest(tmp_path: Path) -> None:
    project = load(tmp_path, {"databricks.yml": TARGETS, "brickyard.yml": POLICIES})

    with pytest.raises(UsageError, match="did you mean 'prod'"):
        project.environment("prd")


def test_a_directory_without_a_project_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="brickyard init"):
        load_project(tmp_path)


def test_all_faults_come_at_once_in_the_order_of_the_files(tmp_path: Path) -> None:
    text = """
    bundle: {name: flights}
    resources:
      jobs:
        train:
          tsks: []
          max_concurrent_runs: many
      schemas:
        flights: {name: "${var.nothing}"}
    """
    with pytest.raises(ProjectError) as caught:
        load(tmp_path, {"databricks.yml": text})

    assert str(caught.value).splitlines()[:6] == [
        "the project has 5 faults:",
        "  databricks.yml:5:7: jobs.train has no field 'tsks'; did you mean 'tasks'?",
        "  databricks.yml:5:7: the job 'train' has no task",
        "  databricks.yml:6:28: jobs.train.max_concurrent_runs is 'many'; expected a whole number",
        "  databricks.yml:8:14: schemas.flights needs the field 'catalog_name'",
        "  databricks.yml:8:21: '${var.nothing}' refers to nothing that is declared",
    ]


def test_a_valid_project_has_no_faults(tmp_path: Path) -> None:
    assert faults_of(tmp_path, {"databricks.yml": TARGETS, "brickyard.yml": POLICIES}) == []
