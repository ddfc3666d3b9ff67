"""The objects that have permissions: how each is made, and which level each action on it needs."""

from __future__ import annotations

import io
import subprocess
from collections.abc import Callable
from typing import Any

from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import PermissionDenied
from databricks.sdk.service.catalog import PermissionsChange, Privilege
from databricks.sdk.service.compute import ClusterSpec
from databricks.sdk.service.jobs import JobSettings, NotebookTask, Task
from databricks.sdk.service.serving import EndpointCoreConfigInput, EndpointTag, ServedEntityInput
from databricks.sdk.service.workspace import ImportFormat, Language

from tests.support import wait_for
from tests.workspace.permissions.actions import Action, Kind, Thing
from tests.workspace.permissions.compute_objects import CLUSTER, CLUSTER_LEVELS, POLICY, POOL, cluster, policy, pool
from tests.workspace.permissions.mlflow_objects import EXPERIMENT, MODEL, experiment, model
from tests.workspace.permissions.people import Lab, Robot
from tests.workspace.permissions.sql_objects import QUERY, QUERY_LEVELS, WAREHOUSE, WAREHOUSE_LEVELS, query, warehouse

__all__ = ["KINDS"]

TREE = ("CAN_READ", "CAN_RUN", "CAN_EDIT", "CAN_MANAGE")


def _common(kind: str, lowest: str, *, managed: bool = True) -> dict[str, Action]:
    """What there is for every type of object."""
    manage = "CAN_MANAGE" if managed else None
    return {
        "see its permissions": Action(lambda c, o: c.permissions.get(kind, o.id), lowest if managed else None),
        "see its levels": Action(
            lambda c, o: c.permissions.get_permission_levels(kind, o.id), lowest if managed else None
        ),
        "change its permissions": Action(lambda c, o: c.permissions.update(kind, o.id, access_control_list=[]), manage),
        "replace its permissions": Action(lambda c, o: _same(c, kind, o), manage),
    }


def _same(c: WorkspaceClient, kind: str, o: Thing) -> None:
    """Replace the access list by what it is; who may not is refused before the list is read."""
    from databricks.sdk.service.iam import AccessControlRequest

    try:
        found = c.permissions.get(kind, o.id).access_control_list or []
    except PermissionDenied:
        found = []
    own = [
        AccessControlRequest.from_dict({**one.as_dict(), "permission_level": permission.permission_level.value})
        for one in found
        for permission in one.all_permissions or []
        if not permission.inherited and permission.permission_level
    ]
    c.permissions.set(kind, o.id, access_control_list=own)


# The workspace tree.


def _directory(lab: Lab, _: Robot) -> Thing:
    return _in_folder(lab, lambda path: lab.w.workspace.mkdirs(path))


def _notebook(lab: Lab, _: Robot) -> Thing:
    return _in_folder(lab, lambda path: _import(lab.w, path))


def _file(lab: Lab, _: Robot) -> Thing:
    return _in_folder(lab, lambda path: _upload(lab.w, path), suffix=".txt")


def _repo(lab: Lab, _: Robot) -> Thing:
    remote = lab.directory / "remote"
    if not remote.exists():
        who = ("-c", "user.name=a", "-c", "user.email=a@b")
        for words in (["init", "-q", "-b", "main"], [*who, "commit", "-q", "--allow-empty", "-m", "first"]):
            remote.mkdir(exist_ok=True)
            subprocess.run(["git", *words], cwd=remote, check=True, capture_output=True)
    made: list[str] = []
    thing = _in_folder(lab, lambda path: made.append(str(lab.w.repos.create(remote.as_uri(), "gitHub", path=path).id)))
    return Thing(made[0], thing.name, thing.container)


def _in_folder(lab: Lab, make: Callable[[str], object], suffix: str = "") -> Thing:
    folder = lab.folder()
    path = f"{folder}/thing{suffix}"
    make(path)
    above = lab.w.workspace.get_status(folder).object_id
    return Thing(str(lab.w.workspace.get_status(path).object_id), path, ("directories", str(above)))


def _import(c: WorkspaceClient, path: str) -> None:
    content = io.BytesIO(b"# Databricks notebook source\n1")
    c.workspace.upload(path, content, format=ImportFormat.SOURCE, language=Language.PYTHON, overwrite=True)


def _upload(c: WorkspaceClient, path: str) -> None:
    c.workspace.upload(path, io.BytesIO(b"text"), format=ImportFormat.AUTO, overwrite=True)


def _listed(c: WorkspaceClient, o: Thing) -> bool:
    """Whether the folder's list shows it; who sees nothing in the folder may not list it at all."""
    return o.name in [one.path for one in c.workspace.list(o.name.rpartition("/")[0])]


_TREE = {
    "get its status": Action(lambda c, o: c.workspace.get_status(o.name), "CAN_READ"),
    "find it in a list": Action(_listed, "CAN_READ"),
    "delete it": Action(lambda c, o: c.workspace.delete(o.name, recursive=True), "CAN_MANAGE", spends=True),
}
_DIRECTORY = {
    "list it": Action(lambda c, o: list(c.workspace.list(o.name)), "CAN_READ"),
    "make a directory in it": Action(lambda c, o: c.workspace.mkdirs(f"{o.name}/a"), "CAN_MANAGE", spends=True),
    "make a notebook in it": Action(lambda c, o: _import(c, f"{o.name}/b"), "CAN_MANAGE", spends=True),
    "make a file in it": Action(lambda c, o: _upload(c, f"{o.name}/c.txt"), "CAN_MANAGE", spends=True),
    "make an experiment in it": Action(
        lambda c, o: c.experiments.create_experiment(f"{o.name}/e"), "CAN_EDIT", spends=True
    ),
}
_NOTEBOOK = {
    "export it": Action(lambda c, o: c.workspace.export(o.name, format=ImportFormat.SOURCE), "CAN_READ"),
    "write it": Action(lambda c, o: _import(c, o.name), "CAN_EDIT"),
    "make its experiment": Action(
        lambda c, o: c.api_client.do(
            "POST",
            "/api/2.0/mlflow/experiments/create",
            body={"name": o.name, "tags": [{"key": "mlflow.experiment.sourceId", "value": o.id}]},
        ),
        "CAN_RUN",
        spends=True,
    ),
}
_FILE = {
    "download it": Action(lambda c, o: c.workspace.download(o.name).read(), "CAN_READ"),
    "write it": Action(lambda c, o: _upload(c, o.name), "CAN_EDIT"),
    "read it by the Files API": Action(lambda c, o: c.files.download(f"/Workspace{o.name}"), "CAN_READ"),
}
_REPO = {
    "get it": Action(lambda c, o: c.repos.get(int(o.id)), "CAN_READ"),
    "find it among those to manage": Action(
        lambda c, o: o.id in [str(one.id) for one in c.repos.list(path_prefix=o.name)], "CAN_MANAGE"
    ),
    "pull": Action(lambda c, o: c.repos.update(int(o.id), branch="main"), "CAN_EDIT"),
    "delete the clone": Action(lambda c, o: c.repos.delete(int(o.id)), "CAN_MANAGE", spends=True),
}

# Jobs.


def _job(lab: Lab, _: Robot) -> Thing:
    """A job whose runs end at once, for its cluster refers to a secret that there is not."""
    cluster = ClusterSpec(
        spark_version="15.4.x-scala2.12", node_type_id="n", spark_env_vars={"A": "{{secrets/none/none}}"}, num_workers=0
    )
    task = Task("t", notebook_task=NotebookTask("/Shared/none"), new_cluster=cluster)
    job_id = lab.w.jobs.create(name=lab.name("job"), tasks=[task]).job_id or 0
    run_id = lab.w.jobs.run_now(job_id).response.run_id or 0

    def ended() -> Any:
        run = lab.w.jobs.get_run(run_id)
        return run if run.state and run.state.result_state else None

    attempt = (wait_for(ended).tasks or [])[0].run_id
    return Thing(str(job_id), "job", more={"job_id": job_id, "run_id": run_id, "attempt": attempt})


def _job_actions() -> dict[str, Action]:
    def on_job(do: Callable[[WorkspaceClient, int], object], level: str, *, spends: bool = False) -> Action:
        return Action(lambda c, o: do(c, o.more["job_id"]), level, spends=spends)

    def on_run(do: Callable[[WorkspaceClient, int], object], level: str, *, spends: bool = False) -> Action:
        return Action(lambda c, o: do(c, o.more["run_id"]), level, spends=spends)

    return {
        "get it": on_job(lambda c, job: c.jobs.get(job), "CAN_VIEW"),
        "find it in the list": on_job(lambda c, job: job in [one.job_id for one in c.jobs.list()], "CAN_VIEW"),
        "find its runs": on_job(lambda c, job: bool(list(c.jobs.list_runs(job_id=job))), "CAN_VIEW"),
        "get a run": on_run(lambda c, run: c.jobs.get_run(run), "CAN_VIEW"),
        "get the output": Action(lambda c, o: c.jobs.get_run_output(o.more["attempt"]), "CAN_VIEW"),
        "export a run": Action(lambda c, o: c.jobs.export_run(o.more["attempt"]), "CAN_VIEW", may_fail=True),
        "repair a run": on_run(lambda c, run: c.jobs.repair_run(run, rerun_tasks=["t"]), "CAN_MANAGE_RUN", spends=True),
        "run it": on_job(lambda c, job: c.jobs.run_now(job), "CAN_MANAGE_RUN", spends=True),
        "cancel a run": on_run(lambda c, run: c.jobs.cancel_run(run), "CAN_MANAGE_RUN"),
        "cancel its runs": on_job(lambda c, job: c.jobs.cancel_all_runs(job_id=job), "CAN_MANAGE_RUN"),
        "update it": on_job(lambda c, job: c.jobs.update(job, new_settings=JobSettings(name="x")), "CAN_MANAGE"),
        "reset it": on_job(lambda c, job: c.jobs.reset(job, c.jobs.get(job).settings), "CAN_MANAGE"),
        "delete a run": on_run(lambda c, run: c.jobs.delete_run(run), "CAN_MANAGE", spends=True),
        "delete it": on_job(lambda c, job: c.jobs.delete(job), "CAN_MANAGE", spends=True),
    }


# Serving endpoints.

_MODEL = "main.default.of_permissions"


def _endpoint(lab: Lab, robot: Robot) -> Thing:
    """An endpoint without a version to serve, of a model that the robot may execute."""
    if _MODEL not in [one.full_name for one in lab.w.registered_models.list()]:
        lab.w.registered_models.create(catalog_name="main", schema_name="default", name="of_permissions")
        for kind, name, privilege in (
            ("catalog", "main", Privilege.USE_CATALOG),
            ("schema", "main.default", Privilege.USE_SCHEMA),
            ("function", _MODEL, Privilege.EXECUTE),
        ):
            lab.w.grants.update(kind, name, changes=[PermissionsChange(add=[privilege], principal=robot.name)])
    name = lab.name("endpoint")
    made = lab.w.serving_endpoints.create(
        name, config=EndpointCoreConfigInput(name, served_entities=[_served()])
    ).response
    return Thing(made.id or "", name)


def _served() -> ServedEntityInput:
    return ServedEntityInput(entity_name=_MODEL, entity_version="1", name="a")


_ENDPOINT = {
    "get it": Action(lambda c, o: c.serving_endpoints.get(o.name), "CAN_VIEW"),
    "find it in the list": Action(lambda c, o: o.name in [one.name for one in c.serving_endpoints.list()], "CAN_VIEW"),
    "query it": Action(lambda c, o: c.serving_endpoints.query(o.name, inputs=[1]), "CAN_QUERY", may_fail=True),
    "tag it": Action(lambda c, o: c.serving_endpoints.patch(o.name, add_tags=[EndpointTag("a", "b")]), "CAN_MANAGE"),
    "change what it serves": Action(
        lambda c, o: c.serving_endpoints.update_config(o.name, served_entities=[_served()]),
        "CAN_MANAGE",
        may_fail=True,
    ),
    "delete it": Action(lambda c, o: c.serving_endpoints.delete(o.name), "CAN_MANAGE", spends=True),
}


def _kinds() -> dict[str, Kind]:
    experiment_levels = ("CAN_READ", "CAN_EDIT", "CAN_MANAGE")
    model_levels = (
        *experiment_levels[:2],
        "CAN_MANAGE_STAGING_VERSIONS",
        "CAN_MANAGE_PRODUCTION_VERSIONS",
        "CAN_MANAGE",
    )
    return {
        "directories": Kind(TREE, _directory, _common("directories", TREE[0]) | _TREE | _DIRECTORY, TREE),
        "notebooks": Kind(TREE, _notebook, _common("notebooks", TREE[0]) | _TREE | _NOTEBOOK, TREE),
        "files": Kind(TREE, _file, _common("files", TREE[0]) | _TREE | _FILE, TREE),
        "repos": Kind(TREE, _repo, _common("repos", TREE[0]) | _TREE | _REPO, TREE),
        "jobs": Kind(
            ("CAN_VIEW", "CAN_MANAGE_RUN", "CAN_MANAGE", "IS_OWNER"),
            _job,
            _common("jobs", "CAN_VIEW") | _job_actions(),
        ),
        "experiments": Kind(
            experiment_levels, experiment, _common("experiments", "CAN_READ") | EXPERIMENT, container=TREE
        ),
        "registered-models": Kind(
            model_levels, model, _common("registered-models", "CAN_READ") | MODEL, container=model_levels
        ),
        "serving-endpoints": Kind(
            ("CAN_VIEW", "CAN_QUERY", "CAN_MANAGE"), _endpoint, _common("serving-endpoints", "CAN_VIEW") | _ENDPOINT
        ),
        "warehouses": Kind(WAREHOUSE_LEVELS, warehouse, _common("warehouses", "CAN_VIEW") | WAREHOUSE),
        "queries": Kind(QUERY_LEVELS, query, _common("queries", "CAN_VIEW") | QUERY),
        "clusters": Kind(CLUSTER_LEVELS, cluster, _common("clusters", CLUSTER_LEVELS[0]) | CLUSTER),
        "cluster-policies": Kind(("CAN_USE",), policy, _common("cluster-policies", "CAN_USE", managed=False) | POLICY),
        "instance-pools": Kind(
            ("CAN_ATTACH_TO", "CAN_MANAGE"), pool, _common("instance-pools", "CAN_ATTACH_TO") | POOL
        ),
        "authorization": Kind(
            ("CAN_USE",),
            lambda lab, robot: Thing("tokens", "tokens"),
            _common("authorization", "CAN_USE", managed=False)
            | {"make a token": Action(lambda c, o: c.tokens.create(lifetime_seconds=60), "CAN_USE")},
        ),
    }


KINDS = _kinds()
