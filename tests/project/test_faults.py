"""Every mistake has its place, what was expected, and the nearest right name."""

from pathlib import Path

import pytest

from tests.project.writing import NOTEBOOK, faults_of

BUNDLE = "bundle: {name: b}\n"
TASK = "[{task_key: a, notebook_task: {notebook_path: notebooks/train.py}}]"


def job(body: str) -> str:
    return BUNDLE + f"resources:\n  jobs:\n    j: {body}\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("bundle: {name: b\n", "databricks.yml:2:1: not valid YAML: did not find expected ',' or '}'"),
        (
            "bundle: {name: b}\nbundle: {name: c}\n",
            "databricks.yml:2:1: 'bundle' is written twice; expected one, as on line 1",
        ),
        ("bundel: {name: b}\n", "databricks.yml:1:1: there is no field 'bundel' at the top; did you mean 'bundle'?"),
        ("bundle: {}\n", "databricks.yml:1:9: the bundle has no name; expected bundle: {name: ...}"),
        (BUNDLE + "run_as: {user_name: a}\n", "databricks.yml:2:1: 'run_as' is not supported yet"),
        (BUNDLE + "permissions: []\n", "databricks.yml:2:1: 'permissions' is not supported yet"),
        (BUNDLE + "include: [more.yml]\n", "databricks.yml:2:11: 'more.yml' matches no file"),
        (
            BUNDLE + "variables: {a: {}}\n",
            "databricks.yml:2:13: the variable 'a' has no value; expected a default, or --var a=...",
        ),
        (
            BUNDLE + "workspace: {hots: x}\n",
            "databricks.yml:2:13: there is no field 'hots' in 'workspace'; did you mean 'host'?",
        ),
        (
            BUNDLE + "workspace: {root_path: here}\n",
            "databricks.yml:2:24: 'workspace.root_path' is 'here'; expected an absolute path, or '~/...'",
        ),
        (
            BUNDLE + "targets: {a: {mode: dev}}\n",
            "databricks.yml:2:21: there is no mode 'dev'; expected development or production; "
            "did you mean 'development'?",
        ),
        (
            BUNDLE + "targets: {a: {}, b: {}}\n",
            "databricks.yml:2:10: no target is chosen; expected -t with one of a, b, or 'default: true' on one",
        ),
        (
            BUNDLE + "resources: {jbos: {}}\n",
            "databricks.yml:2:13: there is no resource type 'jbos'; did you mean 'jobs'?",
        ),
        (
            BUNDLE + "resources: {schemas: {s: {catalog_name: c, name: n, coment: x}}}\n",
            "databricks.yml:2:53: schemas.s has no field 'coment'; did you mean 'comment'?",
        ),
        (
            BUNDLE + "resources: {volumes: {v: {catalog_name: c, schema_name: s, name: n, volume_type: MANGED}}}\n",
            "databricks.yml:2:82: volumes.v.volume_type is 'MANGED'; expected EXTERNAL, MANAGED; "
            "did you mean 'MANAGED'?",
        ),
        (
            BUNDLE + "resources: {schemas: {s: {catalog_name: c, name: n, grants: []}}}\n",
            "databricks.yml:2:53: 'grants' of a resource is not supported yet",
        ),
        (
            job(f"{{tasks: {TASK}, job_clusters: [{{job_cluster: x}}]}}"),
            "databricks.yml:4:101: jobs.j.job_clusters[0] has no field 'job_cluster'; did you mean 'job_cluster_key'?",
        ),
        (
            job("{tasks: [{task_key: a, notebook_task: {notebook_path: notebooks/trian.py}}]}"),
            "databricks.yml:4:62: the notebook 'notebooks/trian.py' does not exist; did you mean 'notebooks/train.py'?",
        ),
        (
            job("{tasks: [{task_key: a, notebook_task: {notebook_path: ../train.py}}]}"),
            "databricks.yml:4:62: '../train.py' lies outside the project; expected a path below p",
        ),
        (
            job("{tasks: [{task_key: a, notebook_task: {notebook_path: plain.py}}]}"),
            "databricks.yml:4:62: 'plain.py' is a file and not a notebook; expected the first line "
            "'# Databricks notebook source', or a .ipynb file",
        ),
        (
            job("{tasks: [{task_key: a, spark_python_task: {python_file: notebooks/train.py}}]}"),
            "databricks.yml:4:64: 'notebooks/train.py' is a notebook; expected a Python file, or a notebook_task",
        ),
        (
            job("{tasks: [{task_key: a, sql_task: {warehouse_id: x}}]}"),
            "databricks.yml:4:31: the task type 'sql_task' is not supported yet; expected notebook_task, "
            "spark_python_task, python_wheel_task",
        ),
        (
            job("{tasks: [{task_key: a}]}"),
            "databricks.yml:4:17: the task 'a' has no type; "
            "expected one of notebook_task, spark_python_task, python_wheel_task",
        ),
        (
            job(
                "{tasks: [{task_key: fit, depends_on: [{task_key: fot}], "
                "notebook_task: {notebook_path: notebooks/train.py}}]}"
            ),
            "databricks.yml:4:57: there is no task_key 'fot' in the job; did you mean 'fit'?",
        ),
        (
            job("{tasks: [{task_key: a, job_cluster_key: big, notebook_task: {notebook_path: notebooks/train.py}}]}"),
            "databricks.yml:4:48: there is no job_cluster_key 'big' in the job",
        ),
        (
            job(
                "{tasks: [{task_key: a, libraries: [{whl: dist/*.whl}], "
                "notebook_task: {notebook_path: notebooks/train.py}}]}"
            ),
            "databricks.yml:4:49: 'dist/*.whl' is no wheel, and no artifact builds it",
        ),
        (
            BUNDLE + "resources: {schemas: {one: {catalog_name: c, name: '${resources.schemas.won.name}'}}}\n",
            "databricks.yml:2:52: '${resources.schemas.won.name}' refers to nothing that is declared; did you mean "
            "'resources.schemas.one'?",
        ),
        (
            BUNDLE + "variables: {a: {default: x}, b: {default: '${var.${var.a}}'}}\n",
            "databricks.yml:2:43: a reference inside a reference is not supported; "
            "expected a complex variable, or a variable that each target sets",
        ),
        (
            BUNDLE + "variables: {a: {default: x}, b: {default: 'of ${ var.a }'}}\n",
            "databricks.yml:2:43: '${ var.a }' is not a reference; expected ${var.name}, without spaces",
        ),
        (
            BUNDLE + "variables: {a: {default: [1, 2]}}\n",
            "databricks.yml:2:26: the variable 'a' is a mapping or a list; expected a single value, or 'type: complex'",
        ),
        (
            BUNDLE + "variables: {a: {default: 1}}\ntargets: {dev: {variables: {a: {lookup: {job: x}}}}}\n",
            "databricks.yml:3:33: looking up a variable's value is not supported yet",
        ),
        (
            BUNDLE + "targets: {dev: {mode: development, workspace: {root_path: /Shared/b}}}\n",
            "databricks.yml:2:59: 'workspace.root_path' is '/Workspace/Shared/b', which all users would share in "
            "'mode: development'; expected '~/...', or ${workspace.current_user.short_name} in it",
        ),
        (
            BUNDLE + "targets: {dev: {mode: development, presets: {name_prefix: 'dev_'}}}\n",
            "databricks.yml:2:59: the prefix 'dev_' is the same for all users, in 'mode: development'; "
            "expected ${workspace.current_user.short_name} in it",
        ),
        (
            BUNDLE + "presets: {trigger_pause_status: paused}\n",
            "databricks.yml:2:33: trigger_pause_status is 'paused'; expected PAUSED or UNPAUSED",
        ),
        (
            BUNDLE + "workspace: {root_path: '~/'}\n",
            "databricks.yml:2:24: 'workspace.root_path' is '/Workspace/Users/${workspace.current_user.userName}/', "
            "where others have files too; expected a directory of its own, such as "
            "'~/.bundle/${bundle.name}/${bundle.target}'",
        ),
        (BUNDLE + "include: [plain.py]\n", "databricks.yml:2:11: 'include' brings in 'plain.py', which is not YAML; "
         "expected a file that ends in .yml, .yaml, .json"),
        (
            BUNDLE + "resources: {schemas: {s: {catalog_name: c, name: n}}, experiments: {s: {name: /x}}}\n",
            "databricks.yml:2:69: 'experiments.s' has the key of 'schemas.s'; "
            "expected another key: databricks.yml:2:23 has it",
        ),
        (
            BUNDLE + "resources: {schemas: {s: {catalog_name: c, name: n, comment: '${resources.schemas.s.idd}'}}}\n",
            "databricks.yml:2:62: '${resources.schemas.s.idd}' refers to nothing that is declared",
        ),
        (
            job("{tasks: [{task_key: a, notebook_task: }]}"),
            "databricks.yml:4:17: the task 'a' has no type; "
            "expected one of notebook_task, spark_python_task, python_wheel_task",
        ),
        (
            job(f"{{tasks: {TASK}, run_as: {{user_name: x}}}}"),
            "databricks.yml:4:85: 'run_as' is not supported yet",
        ),
        (
            job(f"{{tasks: {TASK}, permissions: [{{level: CAN_VIEW, group_name: users}}]}}"),
            "databricks.yml:4:85: 'permissions' of a resource is not supported yet",
        ),
        (
            job(
                "{tasks: [{task_key: a, libraries: [{jar: ./x.jar}], "
                "notebook_task: {notebook_path: notebooks/train.py}}]}"
            ),
            "databricks.yml:4:49: './x.jar' is a local jar, which is not supported yet; "
            "expected a jar that is in the workspace, or a wheel",
        ),
        (
            BUNDLE + "resources: {jobs: [{name: j}]}\n",
            "databricks.yml:2:19: 'resources.jobs' must be a mapping; expected {key: {...}, ...}",
        ),
        (
            BUNDLE + "resources: {schemas: {s: {catalog_name: c, name: n, lifecycle: {prevent_destroy: yes}}}}\n",
            "databricks.yml:2:82: prevent_destroy is 'yes'; expected true or false",
        ),
        (
            BUNDLE + "artifacts: {lib: ./lib}\n",
            "databricks.yml:2:18: the artifact 'lib' must be a mapping; expected {type: whl, path: ...}",
        ),
        (BUNDLE + "variables: {v: {default: " + "[" * 2000 + "]" * 2000 + "}}\n",
         "databricks.yml:1:1: the file is nested too deeply"),
        (BUNDLE + "resources: {schemas: 1" + "0" * 5000 + "}\n",
         "databricks.yml:2:22: 'resources.schemas' must be a mapping; expected {key: {...}, ...}"),
        (BUNDLE + "scripts: {x: {content: ls}}\n", "databricks.yml:2:1: 'scripts' is not supported yet"),
        (BUNDLE + "targets: {dev: {run_as: {user_name: a}}}\n",
         "databricks.yml:2:17: 'run_as' of a target is not supported yet"),
        (BUNDLE + "targets: {dev: {permissions: []}}\n",
         "databricks.yml:2:17: 'permissions' of a target is not supported yet"),
        (BUNDLE + "variables: {a: {lookup: {cluster: x}}}\n",
         "databricks.yml:2:17: looking up a variable's value is not supported yet"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_where_it_stands(tmp_path: Path, text: str, expected: str) -> None:
    root = tmp_path / "p"
    root.mkdir()

    assert expected in faults_of(root, {"databricks.yml": text, "plain.py": "print(1)\n"})


def test_tasks_that_wait_for_each_other_are_a_fault(tmp_path: Path) -> None:
    text = job(
        "{tasks: [{task_key: a, depends_on: [{task_key: b}], notebook_task: {notebook_path: notebooks/train.py}},"
        " {task_key: b, depends_on: [{task_key: a}], notebook_task: {notebook_path: notebooks/train.py}}]}"
    )

    faults = faults_of(tmp_path, {"databricks.yml": text})
    assert len(faults) == 1
    assert "the tasks of 'j' wait for each other: " in faults[0]


def test_resources_that_refer_to_each_other_are_a_fault(tmp_path: Path) -> None:
    def other(key: str) -> str:
        return f"{{name: '${{resources.jobs.{key}.id}}', tasks: {TASK}}}"

    text = BUNDLE + f"resources: {{jobs: {{one: {other('two')}, two: {other('one')}}}}}\n"

    faults = faults_of(tmp_path, {"databricks.yml": text})
    assert len(faults) == 1
    assert "resources refer to each other, and none can be the first: jobs." in faults[0]


def test_references_in_a_circle_are_a_fault(tmp_path: Path) -> None:
    text = BUNDLE + "variables:\n  a: {default: '${var.b}'}\n  b: {default: 'x${var.a}'}\n"

    faults = faults_of(tmp_path, {"databricks.yml": text})
    assert any("references go in a circle: var.b -> var.a -> var.b" in fault for fault in faults)


def test_a_resource_declared_in_two_files_is_a_fault(tmp_path: Path) -> None:
    schema = "resources: {schemas: {s: {catalog_name: c, name: n}}}\n"
    files = {"databricks.yml": BUNDLE + "include: ['*.yaml']\n" + schema, "more.yaml": schema}

    assert faults_of(tmp_path, files) == [
        "more.yaml:1:23: 'schemas.s' is declared twice; expected one, as at databricks.yml:3:23"
    ]


def test_an_unknown_target_is_named_with_the_nearest(tmp_path: Path) -> None:
    faults = faults_of(tmp_path, {"databricks.yml": BUNDLE + "targets: {dev: {}, prod: {}}\n"}, "prd")

    assert faults == ["databricks.yml:2:10: there is no target 'prd'; expected one of dev, prod; did you mean 'prod'?"]


def test_an_unknown_variable_of_the_command_line_is_named(tmp_path: Path) -> None:
    files = {"databricks.yml": BUNDLE + "variables: {catalog: {default: main}}\n"}

    faults = faults_of(tmp_path, files, variables={"catlog": "x"})
    assert faults == ["databricks.yml:2:12: --var names 'catlog', which is not declared; did you mean 'catalog'?"]


def test_a_value_of_the_command_line_that_is_not_json_is_one_fault(tmp_path: Path) -> None:
    text = (
        BUNDLE
        + "variables: {v: {type: complex, default: {a: b}}}\n"
        + "resources: {schemas: {s: {"
        + ('catalog_name: c, name: n, properties: "${var.v}"}}}\n')
    )
    faults = faults_of(tmp_path, {"databricks.yml": text}, variables={"v": "[half"})
    assert len(faults) == 1 and "databricks.yml:2:16: the value given for 'v' is not JSON" in faults[0]


SCORED = """models:
  m:
    name: a.b.c
    gate: {data: a.b.d, label: y, bars: {auc: {min: 0.5}}}
    scoring: {SCORING}
"""
MODEL = "models: {m: {name: a.b.c, gate: {data: a.b.d, label: y, bars: {auc: {min: 0.5}}}}}\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "modles: {}\n",
            "brickyard.yml:1:1: brickyard.yml has no field 'modles'; expected environments, models; "
            "did you mean 'models'?",
        ),
        (
            "environments: {dev: {target: devv}}\n",
            "brickyard.yml:1:30: there is no target 'devv'; expected one of dev; did you mean 'dev'?",
        ),
        (
            "environments: {dev: {target: dev, promote_from: uat}}\n",
            "brickyard.yml:1:49: 'dev' is promoted from 'uat'; expected an environment that is written above it",
        ),
        (
            "environments: {dev: {target: dev, approvals: -1}}\n",
            "brickyard.yml:1:46: approvals is negative; expected zero or more",
        ),
        ("models: {m: {name: a.b.c}}\n", "brickyard.yml:1:13: the model 'm' needs the field 'gate'"),
        (
            MODEL.replace("{min: 0.5}", "{}"),
            "brickyard.yml:1:69: the bar of 'auc' has no limit; expected 'min', 'max', or both",
        ),
        ("environments: [dev]\n", "brickyard.yml:1:15: 'environments' must be a mapping of names"),
        (
            "environments: {dev: {target: dev, approvals: many}}\n",
            "brickyard.yml:1:46: the environment 'dev'.approvals is 'many'; expected a whole number",
        ),
        (
            MODEL.replace("min", "mim"),
            "brickyard.yml:1:70: the model 'm'.gate.bars.auc has no field 'mim'; did you mean 'min'?",
        ),
        (
            MODEL.replace(", bars: {auc: {min: 0.5}}", ""),
            "brickyard.yml:1:33: the gate of 'm' asks for nothing; expected 'bars', 'champion', or both",
        ),
        (
            MODEL.replace("a.b.c", "delay"),
            "brickyard.yml:1:20: 'delay' is not a full name; expected catalog.schema.name",
        ),
        (
            MODEL.replace("label: y", "label: y, task: clasification"),
            "brickyard.yml:1:63: the model 'm'.gate.task is 'clasification'; expected classification, regression; "
            "did you mean 'classification'?",
        ),
        (
            SCORED.replace("SCORING", "input: a.b.i, output: a.b.o"),
            "brickyard.yml:5:14: the scoring of 'm' names no keys, by which the mode 'merge' finds rows; "
            "expected 'keys', the columns that identify a row; or the mode append or overwrite",
        ),
        (
            SCORED.replace("SCORING", "input: a.b.i, output: a.b.o, mode: appendd"),
            "brickyard.yml:5:50: the model 'm'.scoring.mode is 'appendd'; expected merge, append, overwrite, "
            "incremental; did you mean 'append'?",
        ),
        (
            SCORED.replace("SCORING", "input: a.b.i, query: SELECT 1, output: a.b.o, mode: append"),
            "brickyard.yml:5:14: the scoring of 'm' has both; expected 'input' or 'query'",
        ),
        (
            SCORED.replace("SCORING", "output: a.b.o, mode: overwrite"),
            "brickyard.yml:5:14: the scoring of 'm' has neither; expected 'input' or 'query'",
        ),
        (
            SCORED.replace("SCORING", "input: a.b.i, output: a.b.o, mode: append, warehouse: w"),
            "brickyard.yml:5:69: the scoring of 'm' has a warehouse, but no query for it; expected 'query'",
        ),
        (
            SCORED.replace("SCORING", "input: a.b.i, output: a.b.o, keys: [k], leakage: refused"),
            "brickyard.yml:5:64: the model 'm'.scoring.leakage is 'refused'; expected report, refuse, off; "
            "did you mean 'refuse'?",
        ),
    ],
)  # fmt: skip
def test_a_mistake_in_the_policies_is_named(tmp_path: Path, text: str, expected: str) -> None:
    files = {"databricks.yml": BUNDLE + "targets: {dev: {}}\n", "brickyard.yml": text}

    assert expected in faults_of(tmp_path, files)


def test_a_notebook_is_told_from_a_file_by_its_first_line(tmp_path: Path) -> None:
    from brickyard.project.paths import is_notebook

    (tmp_path / "a.py").write_text(NOTEBOOK)
    (tmp_path / "b.py").write_text("print(1)\n# Databricks notebook source\n")
    (tmp_path / "c.ipynb").write_text("{}")

    assert [is_notebook(tmp_path / name) for name in ("a.py", "b.py", "c.ipynb")] == [True, False, True]
