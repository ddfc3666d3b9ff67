"""Whatever the types in a request, its answer is no error of the server: raw HTTP against a running workspace."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support import LocalWorkspace

WRONG: list[Any] = [None, True, -1, 1.5, 10**30, "", "x", "\ud800", [], {}, [1], [None], [{}], [[]], {"a": 1}, ["x"]]
TASK = {
    "task_key": "one",
    "notebook_task": {"notebook_path": "/Shared/none", "base_parameters": {"a": "b"}},
    "depends_on": [],
    "environment_key": "default",
    "timeout_seconds": 5,
}
TASKS = {
    "dbt": {"commands": ["dbt run"], "warehouse_id": "x", "project_directory": "/x"},
    "spark_python": {"python_file": "/x.py", "parameters": ["x"]},
}
JOB = {
    "name": "types",
    "tags": {"brickyard.reuse": "true"},
    "email_notifications": {"on_start": ["a@example.com"]},
    "tasks": [TASK, {**TASK, "task_key": "two", "depends_on": [{"task_key": "one"}]}],
    "parameters": [{"name": "p", "default": "v"}],
    "environments": [{"environment_key": "default", "spec": {"client": "2", "dependencies": ["x"]}}],
}
ENTITY = {"name": "x", "entity_name": "main.default.none", "entity_version": "1", "environment_vars": {"A": "b"}}
ROUTES = {"routes": [{"served_model_name": "x", "traffic_percentage": 100}]}
TABLE = {"catalog_name": "main", "schema_name": "default", "table_name_prefix": "x", "enabled": True}
LIMIT = {"calls": 1, "key": "user", "renewal_period": "minute"}
TAGS = [{"key": "a", "value": "b"}]
UNITY, UC_MODELS = "/api/2.1/unity-catalog", "/api/2.0/mlflow/unity-catalog"
#: Never complete, so that none is started.
CLUSTER = {
    "cluster_name": "types",
    "autoscale": {"min_workers": 1, "max_workers": 2},
    "custom_tags": {"a": "b"},
    "spark_env_vars": {"a": "b"},
    "init_scripts": [{"workspace": {"destination": "/x"}}],
    "autotermination_minutes": 10,
    "clone_from": {"source_cluster_id": "none"},
}
BODIES: list[tuple[str, str, Any]] = [
    ("POST", "/api/2.0/token/create", {"comment": "c", "lifetime_seconds": 60}),
    (
        "POST",
        "/api/2.0/policies/clusters/create",
        {"name": "", "definition": "{}", "libraries": [{"pypi": {"package": "x"}}], "max_clusters_per_user": 1},
    ),
    (
        "POST",
        "/api/2.0/instance-pools/create",
        {"instance_pool_name": "", "node_type_id": "x", "min_idle_instances": 1, "custom_tags": {"a": "b"}},
    ),
    (
        "POST",
        "/api/2.0/libraries/install",
        {"cluster_id": "none", "libraries": [{"pypi": {"package": "x", "repo": "y"}}, {"whl": "/x.whl"}]},
    ),
    ("POST", "/api/2.0/policies/clusters/enforce-compliance", {"cluster_id": "none", "validate_only": True}),
    ("POST", "/api/2.0/global-init-scripts", {"name": "", "script": "eA==", "position": 1, "enabled": False}),
    ("POST", "/api/2.0/secrets/put", {"scope": "none", "key": "k", "string_value": "v"}),
    ("POST", "/api/2.0/workspace/mkdirs", {"path": "/Shared/types"}),
    ("POST", "/api/2.0/workspace/import", {"path": "/Shared/types/x", "content": "eA==", "format": "AUTO"}),
    ("PATCH", f"{UNITY}/schemas/main.default", {"comment": "c", "owner": "o", "properties": {"a": "b"}}),
    ("POST", f"{UNITY}/volumes", {"name": "x", "catalog_name": "main", "schema_name": "default", "volume_type": "M"}),
    ("POST", "/api/2.2/jobs/create", JOB),
    ("POST", "/api/2.1/clusters/create", CLUSTER),
    ("POST", "/api/2.2/jobs/update", {"job_id": "JOB", "new_settings": JOB, "fields_to_remove": ["tasks/one"]}),
    ("POST", "/api/2.2/jobs/run-now", {"job_id": "JOB", "job_parameters": {"p": "x"}, "only": ["one"]}),
    (
        "POST",
        "/api/2.1/jobs/create",
        {"name": "", "tasks": [{"task_key": k, f"{k}_task": t} for k, t in TASKS.items()]},
    ),
    ("POST", "/api/2.0/notification-destinations", {"display_name": "", "config": {"email": {"addresses": ["a@b.c"]}}}),
    ("POST", "/api/2.2/jobs/runs/cancel", {"run_id": 1}),
    ("POST", "/api/2.0/serving-endpoints", {"name": "", "config": {"served_entities": [ENTITY]}, "tags": TAGS}),
    ("PUT", "/api/2.0/serving-endpoints/no/config", {"served_entities": [ENTITY], "traffic_config": ROUTES}),
    ("PUT", "/api/2.0/serving-endpoints/no/config", {"served_entities": [ENTITY], "auto_capture_config": TABLE}),
    ("PUT", "/api/2.0/serving-endpoints/no/rate-limits", {"rate_limits": [LIMIT]}),
    (
        "PUT",
        "/api/2.0/serving-endpoints/no/ai-gateway",
        {"rate_limits": [{**LIMIT, "principal": "p"}], "inference_table_config": TABLE},
    ),
    ("POST", f"{UC_MODELS}/registered-models/create", {"name": "main.default.t", "description": "d", "tags": TAGS}),
    ("POST", f"{UC_MODELS}/model-versions/create", {"name": "main.none.t", "source": "s", "run_id": "r", "tags": TAGS}),
    ("POST", "/api/2.0/mlflow/experiments/create", {"name": "/Shared/types-x", "tags": TAGS}),
    ("POST", "/api/2.0/mlflow/runs/log-batch", {"run_id": "x", "metrics": [{"key": "k", "value": 1}], "tags": TAGS}),
    ("POST", "/api/2.0/mlflow/runs/search", {"experiment_ids": ["1"], "filter": "", "order_by": ["start_time"]}),
]
RAW = [b"{", b"null", b"[]", b'"x"', b"\xff\xfe", b"[" * 100_000]


@pytest.fixture(scope="module")
def job(workspace: LocalWorkspace) -> int:
    """A job that the calls may name."""
    return int(workspace.client().jobs.create(name="types").job_id or 0)


@pytest.mark.parametrize(("method", "path", "body"), BODIES, ids=[path for _, path, _ in BODIES])
def test_wrong_types_are_the_callers_fault(
    workspace: LocalWorkspace, job: int, method: str, path: str, body: Any
) -> None:
    sent = {**body, "job_id": job} if "job_id" in body else body
    for wrong in _variants(sent):
        _check(workspace, method, path, json.dumps(wrong).encode())
    for raw in RAW:
        _check(workspace, method, path, raw)


@pytest.mark.parametrize(
    "path",
    [
        f"{UNITY}/catalogs?page_token=",
        f"{UNITY}/catalogs?max_results=",
        "/api/2.2/jobs/get?job_id=",
        "/api/2.2/jobs/list?page_token=",
        "/api/2.2/jobs/runs/get?run_id=",
        f"{UC_MODELS}/registered-models/search?page_token=",
    ],
)
def test_wrong_queries_are_the_callers_fault(workspace: LocalWorkspace, path: str) -> None:
    for value in ("x", "-1", "9" * 23, "1.5", "%00", "%C3%BC%25", "%ff%fe", "a" * 3000):
        _check(workspace, "GET", f"{path}{value}")


def _check(workspace: LocalWorkspace, method: str, path: str, body: bytes | None = None) -> None:
    headers = {"Authorization": f"Bearer {workspace.token}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{workspace.host}{path}", body, headers, method=method)
    try:
        urllib.request.urlopen(request, timeout=30).close()
    except urllib.error.HTTPError as error:
        answer = json.loads(error.read())
        assert error.code < 500 or answer["error_code"] == "NOT_IMPLEMENTED", (path, (body or b"")[:300], answer)
        assert answer["message"]


def _variants(value: Any) -> Iterator[Any]:
    """The value with each of its parts, and itself, replaced by each wrong one."""
    yield from WRONG
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for place, part in parts:
        for variant in _variants(part):
            changed = value.copy()
            changed[place] = variant
            yield changed
