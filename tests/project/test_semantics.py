"""What the vendor's bundle format means where it is easily read in another way."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from brickyard.project import load_project
from tests.project.writing import JOB, faults_of, load, write

BUNDLE = "bundle: {name: b}\n"
ANN = "ann.lee@example.net"


def test_what_a_target_or_a_file_leaves_empty_overrides_nothing(tmp_path: Path) -> None:
    text = """
    bundle: {name: b}
    include: [more.yml]
    targets: {dev: {resources: {schemas: {s: {comment: }}}, workspace: }}
    workspace: {profile: p}
    variables: {catalog: {default: main}}
    resources:
      schemas: {s: {catalog_name: "${var.catalog}", name: n, comment: kept}}
    """
    project = load(tmp_path, {"databricks.yml": text, "more.yml": "variables:\nresources:\n"})

    schema = project.resource("schemas", "s")
    assert schema is not None
    assert schema.config == {"catalog_name": "main", "name": "n", "comment": "kept"}
    assert project.workspace.profile == "p"


def test_a_developers_own_file_of_values_is_between_the_environment_and_the_target(tmp_path: Path) -> None:
    text = """
    bundle: {name: b}
    variables: {a: {default: default}, b: {default: default}, size: {type: complex, default: {workers: 1}}}
    targets: {dev: {variables: {a: target, b: target}}}
    """
    overrides = '{"a": "file", "size": {"workers": 2}}'
    root = write(tmp_path, {"databricks.yml": text, ".databricks/bundle/dev/variable-overrides.json": overrides})

    assert load_project(root).variables == {"a": "file", "b": "target", "size": {"workers": 2}}
    assert load_project(root, environ={"BUNDLE_VAR_a": "environment"}).variables["a"] == "environment"
    assert load_project(root, variables={"a": "option"}).variables["a"] == "option"


def test_a_target_may_change_a_part_of_a_variables_definition(tmp_path: Path) -> None:
    text = """
    bundle: {name: b}
    variables: {a: {default: 1}, size: {type: complex, default: {workers: 1, kind: x}}}
    targets: {dev: {variables: {a: {description: changed}, size: {workers: 2}}}}
    """
    assert load(tmp_path, {"databricks.yml": text}).variables == {"a": 1, "size": {"workers": 2}}


def test_development_keeps_its_tags_and_gives_them_to_experiments(tmp_path: Path) -> None:
    text = """
    bundle: {name: b}
    targets: {dev: {mode: development, presets: {tags: {team: flights}}}}
    resources:
      experiments: {trials: {name: /Users/x/trials, tags: [{key: team, value: own}]}}
      jobs: {j: {tasks: [{task_key: a, notebook_task: {notebook_path: notebooks/train.py}}]}}
    """
    project = load(tmp_path, {"databricks.yml": text}, user=ANN)

    experiment, job = project.resource("experiments", "trials"), project.resource("jobs", "j")
    assert experiment is not None and job is not None
    assert experiment.config["name"] == "/Users/x/[dev ann_lee] trials"
    assert experiment.config["tags"] == [{"key": "team", "value": "own"}, {"key": "dev", "value": "ann_lee"}]
    assert job.config["tags"] == {"dev": "ann_lee", "team": "flights"}


def test_the_short_name_keeps_letters_of_every_alphabet(tmp_path: Path) -> None:
    text = BUNDLE + "variables: {who: {default: '${workspace.current_user.short_name}'}}\n"

    assert load(tmp_path, {"databricks.yml": text}, user="Jörg.Müller@example.net").variables == {"who": "jörg_müller"}


IN_A_SCHEMA = """
bundle: {name: b}
variables: {schema: {default: flights}}
targets: {dev: {mode: development, default: true}, prod: {}}
resources:
  volumes: {raw: {catalog_name: main, schema_name: flights, name: raw}}
  registered_models: {delay: {catalog_name: main, schema_name: "${var.schema}", name: delay}}
  schemas: {data: {catalog_name: main, name: "${var.schema}"}}
"""


def test_what_names_a_schema_of_the_project_follows_it_and_comes_after_it(tmp_path: Path) -> None:
    project = load(tmp_path, {"databricks.yml": IN_A_SCHEMA}, user=ANN)

    for type_name, key in (("volumes", "raw"), ("registered_models", "delay")):
        found = project.resource(type_name, key)
        assert found is not None
        assert (found.config["schema_name"], found.depends_on) == ("dev_ann_lee_flights", ("schemas.data",))
    volume = project.for_target("prod").resource("volumes", "raw")
    assert volume is not None
    assert (volume.config["schema_name"], volume.depends_on) == ("flights", ("schemas.data",))


def test_files_above_the_project_can_be_included(tmp_path: Path) -> None:
    root = tmp_path / "project"
    schema = "resources: {schemas: {s: {catalog_name: c, name: n, coment: x}}}\n"
    write(root, {"databricks.yml": BUNDLE + "include: [../shared/*.yml]\n", "../shared/schemas.yml": schema})

    expected = "../shared/schemas.yml:1:53: schemas.s has no field 'coment'; did you mean 'comment'?"
    assert faults_of(root, {}) == [expected]


def test_patterns_of_files_are_relative_to_where_they_are_written(tmp_path: Path) -> None:
    files = {
        "databricks.yml": BUNDLE + "include: [resources/*.yml]\nsync: {exclude: ['*.md']}\n",
        "resources/sync.yml": "sync: {exclude: ['*.csv', '!../data/x.csv']}\n",
    }
    assert load(tmp_path, files).sync.exclude == ("*.md", "/resources/*.csv", "!/data/x.csv")


def git(root: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=ann", "-c", "user.email=ann@example.net")
    done = subprocess.run(["git", *identity, *arguments], cwd=root, check=True, capture_output=True, text=True)
    return done.stdout.strip()


FACTS = """
bundle: {name: b}
variables:
  branch: {default: "${bundle.git.branch}"}
  commit: {default: "${bundle.git.commit}"}
  origin: {default: "${bundle.git.origin_url}"}
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = write(tmp_path / "repository", {"projects/b/databricks.yml": FACTS})
    git(root, "init", "--initial-branch", "feature/late")
    git(root, "remote", "add", "origin", "https://ann:canary@git.example.net/flights.git")
    git(root, "add", ".")
    git(root, "commit", "--message", "first")
    return root


def test_git_says_branch_commit_and_origin_without_credentials(repository: Path) -> None:
    commit = git(repository, "rev-parse", "HEAD")

    found = load_project(repository / "projects/b").variables

    assert found == {"branch": "feature/late", "commit": commit, "origin": "https://git.example.net/flights.git"}
    git(repository, "pack-refs", "--all")
    assert load_project(repository / "projects/b").variables == found


def test_git_is_read_in_a_worktree_and_where_no_branch_is_checked_out(repository: Path, tmp_path: Path) -> None:
    commit, tree = git(repository, "rev-parse", "HEAD"), tmp_path / "tree"
    git(repository, "worktree", "add", str(tree), "-b", "other")
    assert load_project(tree / "projects/b").variables["branch"] == "other"
    assert load_project(tree / "projects/b").variables["commit"] == commit

    git(tree, "checkout", "--detach")
    found = load_project(tree / "projects/b").variables
    assert (found["branch"], found["commit"]) == ("", commit)


def test_without_a_repository_git_has_no_values(tmp_path: Path) -> None:
    faults = faults_of(tmp_path, {"databricks.yml": FACTS})

    expected = "refers to nothing that is declared; expected a project that is in a git repository"
    assert faults[0] == f"databricks.yml:3:21: '${{bundle.git.branch}}' {expected}"


def test_a_target_says_which_branch_it_is_deployed_from(repository: Path) -> None:
    root = write(repository / "projects/b", {"databricks.yml": BUNDLE + "targets: {prod: {git: {branch: main}}}\n"})

    found = load_project(root).git

    assert found is not None
    assert (found.expected, found.actual, str(found.at)) == ("main", "feature/late", "databricks.yml:2:32")


def test_warnings_name_what_is_allowed_and_not_meant(tmp_path: Path) -> None:
    files = {
        "databricks.yml": BUNDLE + "include: [more.yml]\ntargets: {prod: {mode: production}}\n",
        "more.yml": "include: [others.yml]\n",
    }

    assert [str(warning) for warning in load(tmp_path, files).warnings] == [
        "more.yml:1:1: 'include' counts in databricks.yml only, and is ignored here",
        "databricks.yml:3:24: production without 'workspace.root_path' lives in the home of whoever deploys it; "
        "expected workspace: {root_path: ...} in the target",
    ]


def test_production_has_a_place_of_its_own_unless_a_service_principal_deploys_it(tmp_path: Path) -> None:
    files = {"databricks.yml": BUNDLE + "targets: {prod: {mode: production}}\n"}

    assert faults_of(tmp_path, files, user=ANN)[0].startswith("databricks.yml:2:24: production without")
    assert faults_of(tmp_path, files, user="0123abcd-0000-4000-8000-0123456789ab") == []


def test_numbers_given_as_text_are_numbers_where_numbers_are_needed(tmp_path: Path) -> None:
    text = JOB.replace("tasks:", 'timeout_seconds: "${var.seconds}"\n      tasks:', 1)
    text += "variables: {seconds: {default: 60.0}}\n"

    job = load(tmp_path, {"databricks.yml": text}, variables={"seconds": "90"}).resource("jobs", "train")
    assert job is not None and job.config["timeout_seconds"] == 90
    job = load_project(tmp_path).resource("jobs", "train")
    assert job is not None and job.config["timeout_seconds"] == 60


ANCHORS = """
bundle: {name: b}
common: &common
  max_retries: 2
  libraries: [{jar: ./x.jar}]
resources:
  jobs:
    j:
      tasks:
        - task_key: a
          notebook_task: {notebook_path: notebooks/train.py}
          <<: *common
"""


def test_what_is_repeated_by_an_anchor_may_stand_at_the_top(tmp_path: Path) -> None:
    files = {"databricks.yml": ANCHORS.replace("[{jar: ./x.jar}]", "[{pypi: {package: pandas}}]")}
    job = load(tmp_path, files).resource("jobs", "j")

    assert job is not None
    assert (job.config["tasks"][0]["max_retries"], len(job.config["tasks"][0]["libraries"])) == (2, 1)
    assert faults_of(tmp_path, {"databricks.yml": ANCHORS})[0].startswith("databricks.yml:4:21: './x.jar'")
    unused = ANCHORS.replace("&common", "")
    assert "databricks.yml:2:1: there is no field 'common' at the top" in faults_of(
        tmp_path, {"databricks.yml": unused.replace("          <<: *common\n", "")}
    )


def test_what_another_target_asks_for_is_in_nobodys_way(tmp_path: Path) -> None:
    text = BUNDLE + "targets: {dev: {default: true}, prod: {run_as: {user_name: ann}}}\n"
    expected = "databricks.yml:2:40: 'run_as' of a target is not supported yet"

    assert [str(warning) for warning in load(tmp_path, {"databricks.yml": text}).warnings] == [expected]
    assert faults_of(tmp_path, {}, "prod") == [expected]


def test_a_pattern_may_match_nothing_yet_where_its_directory_is(tmp_path: Path) -> None:
    files = {"databricks.yml": BUNDLE + "include: [notebooks/*.yml, resorces/*.yml]\n"}

    assert [str(warning) for warning in load(tmp_path, files).warnings] == [
        "databricks.yml:2:28: 'resorces/*.yml' matches no file: there is no directory 'resorces'"
    ]


def test_what_the_shell_fills_in_is_left_to_the_shell(tmp_path: Path) -> None:
    text = BUNDLE + "artifacts: {lib: {path: ., build: 'make LIB=${bundle.name} HOME=${HOME} ${N:-1}'}}\n"

    assert load(tmp_path, {"databricks.yml": text}).artifacts[0].build == "make LIB=b HOME=${HOME} ${N:-1}"
    assert (
        "'${environment.HOME}' refers to nothing"
        in faults_of(tmp_path, {"databricks.yml": text.replace("${HOME}", "${environment.HOME}")})[0]
    )


def test_paths_of_code_in_a_git_repository_are_left_to_the_service(tmp_path: Path) -> None:
    text = """
    bundle: {name: b}
    resources:
      jobs:
        j:
          git_source: {git_url: "https://example.net/a/b", git_provider: gitHub, git_branch: main}
          tasks:
            - {task_key: a, notebook_task: {notebook_path: nb/train}}
            - {task_key: b, spark_python_task: {python_file: jobs/main.py, source: GIT}}
    """
    job = load(tmp_path, {"databricks.yml": text}).resource("jobs", "j")
    assert job is not None
    assert job.config["tasks"][0]["notebook_task"] == {"notebook_path": "nb/train"}
    assert job.config["tasks"][1]["spark_python_task"]["python_file"] == "jobs/main.py"
    assert job.config["git_source"]["git_branch"] == "main"
