"""Experiments with what is in them, and models of the workspace's registry."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from databricks.sdk import WorkspaceClient
from databricks.sdk.service.ml import (
    LoggedModelParameter,
    LoggedModelStatus,
    LoggedModelTag,
    Metric,
    Param,
    RunTag,
    UpdateRunStatus,
)

from tests.workspace.permissions.actions import Action, Thing
from tests.workspace.permissions.people import Lab, Robot

__all__ = ["EXPERIMENT", "MODEL", "experiment", "model"]

_TRACE = "tr-0123456789abcdef"


def experiment(lab: Lab, robot: Robot) -> Thing:
    """An experiment with a run, a logged model, a trace and a data set, in a folder of the owner's."""
    w, folder = lab.w, lab.folder()
    name = f"{folder}/experiment"
    found = w.experiments.create_experiment(name).experiment_id or ""
    run = w.experiments.create_run(experiment_id=found).run
    assert run is not None and run.info is not None and run.info.run_id is not None
    w.experiments.log_metric("loss", 1.0, 1, run_id=run.info.run_id)
    logged = w.experiments.create_logged_model(found, name="m").model
    assert logged is not None and logged.info is not None
    trace = f"tr-{lab.name('t')}"
    w.api_client.do("POST", "/api/3.0/mlflow/traces", body={"trace": {"trace_info": trace_info(trace, found)}})
    data = w.api_client.do(
        "POST", "/api/3.0/mlflow/datasets/create", body={"name": lab.name("data"), "experiment_ids": [found]}
    )
    more = {"run": run.info.run_id, "model": logged.info.model_id, "trace": trace}
    more |= {"data": _mapping(data)["dataset"]["dataset_id"], "elsewhere": f"/Users/{robot.name}/{lab.name('moved')}"}
    above = w.workspace.get_status(folder).object_id
    return Thing(found, name, ("directories", str(above)), more)


def trace_info(trace: str, experiment_id: str, **more: object) -> dict[str, object]:
    """What a client sends of a trace."""
    return {
        "trace_id": trace,
        "trace_location": {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment_id}},
        "request_time": "2026-01-01T00:00:00Z",
        "state": "OK",
        **more,
    }


def _mapping(answer: object) -> Any:
    assert isinstance(answer, dict)
    return answer


def _post(path: str, **body: object) -> Callable[[WorkspaceClient, Thing], object]:
    return lambda c, o: c.api_client.do("POST", path, body=_filled(body, o))


def _get(path: str, **query: object) -> Callable[[WorkspaceClient, Thing], object]:
    return lambda c, o: c.api_client.do("GET", path.format(**o.more), query=_filled(query, o))


def _filled(fields: dict[str, object], o: Thing) -> dict[str, object]:
    """The ids of an object in the place of their names."""
    known: dict[object, object] = {"ID": o.id, "NAME": o.name, **{key.upper(): one for key, one in o.more.items()}}
    return {
        key: [known.get(one, one) for one in value] if isinstance(value, list) else known.get(value, value)
        for key, value in fields.items()
    }


def _discard(c: WorkspaceClient, o: Thing) -> None:
    c.experiments.delete_experiment(o.id)
    c.experiments.restore_experiment(o.id)


def _reads() -> dict[str, Callable[[WorkspaceClient, Thing], object]]:
    return {
        "get it": lambda c, o: c.experiments.get_experiment(o.id),
        "get it by its name": lambda c, o: c.experiments.get_by_name(o.name),
        "find it": lambda c, o: o.id in [one.experiment_id for one in c.experiments.search_experiments()],
        "search runs": lambda c, o: list(c.experiments.search_runs(experiment_ids=[o.id])),
        "get a run": lambda c, o: c.experiments.get_run(o.more["run"]),
        "read a metric": lambda c, o: list(c.experiments.get_history("loss", run_id=o.more["run"])),
        "read many metrics": _get(
            "/api/2.0/mlflow/metrics/get-history-bulk-interval", run_ids=["RUN"], metric_key="loss", max_results=5
        ),
        "list artifacts": lambda c, o: list(c.experiments.list_artifacts(run_id=o.more["run"])),
        "get a logged model": lambda c, o: c.experiments.get_logged_model(o.more["model"]),
        "search logged models": lambda c, o: c.experiments.search_logged_models(experiment_ids=[o.id]),
        "get a trace": _get("/api/3.0/mlflow/traces/{trace}"),
        "get traces": _post("/api/3.0/mlflow/traces/batchGetInfos", trace_ids=["TRACE"]),
        "search traces": lambda c, o: c.api_client.do(
            "POST",
            "/api/3.0/mlflow/traces/search",
            body={"locations": [trace_info("", o.id)["trace_location"]], "max_results": 5},
        ),
        "search traces as before": _get("/api/2.0/mlflow/traces", experiment_ids=["ID"], max_results=5),
        "get a data set": _get("/api/3.0/mlflow/datasets/{data}"),
        "read a data set": _get("/api/3.0/mlflow/datasets/{data}/records"),
        "search data sets": _post("/api/3.0/mlflow/datasets/search", experiment_ids=["ID"]),
        "list scorers": _get("/api/3.0/mlflow/scorers/versions", experiment_id="ID", name="none"),
    }


def _edits() -> dict[str, Callable[[WorkspaceClient, Thing], object]]:
    now = int(time.time() * 1000)
    return {
        "tag it": lambda c, o: c.experiments.set_experiment_tag(o.id, "a", "b"),
        "start a run": lambda c, o: c.experiments.create_run(experiment_id=o.id),
        "end a run": lambda c, o: c.experiments.update_run(run_id=o.more["run"], status=UpdateRunStatus.FINISHED),
        "log a metric": lambda c, o: c.experiments.log_metric("m", 1.0, now, run_id=o.more["run"]),
        "log a parameter": lambda c, o: c.experiments.log_param("p", "1", run_id=o.more["run"]),
        "log a batch": lambda c, o: c.experiments.log_batch(
            run_id=o.more["run"],
            metrics=[Metric(key="b", timestamp=now, value=1.0)],
            params=[Param(key="q", value="1")],
        ),
        "tag a run": lambda c, o: c.experiments.set_tag("t", "1", run_id=o.more["run"]),
        "tag a run in a batch": lambda c, o: c.experiments.log_batch(
            run_id=o.more["run"], tags=[RunTag(key="u", value="1")]
        ),
        "log inputs": lambda c, o: c.experiments.log_inputs(o.more["run"], datasets=[]),
        "delete a run and restore it": lambda c, o: (
            c.experiments.delete_run(o.more["run"]),
            c.experiments.restore_run(o.more["run"]),
        ),
        "log a model": lambda c, o: c.experiments.create_logged_model(o.id, name="n"),
        "finish a logged model": lambda c, o: c.experiments.finalize_logged_model(
            o.more["model"], LoggedModelStatus.LOGGED_MODEL_READY
        ),
        "tag a logged model": lambda c, o: c.experiments.set_logged_model_tags(
            o.more["model"], tags=[LoggedModelTag(key="a", value="b")]
        ),
        "describe a logged model": lambda c, o: c.experiments.log_logged_model_params(
            o.more["model"], params=[LoggedModelParameter(key="a", value="b")]
        ),
        "log a metric of a model": lambda c, o: c.experiments.log_metric(
            "m", 1.0, now, run_id=o.more["run"], model_id=o.more["model"]
        ),
        "start a trace": lambda c, o: c.api_client.do(
            "POST", "/api/3.0/mlflow/traces", body={"trace": {"trace_info": trace_info(f"{o.more['trace']}x", o.id)}}
        ),
        "tag a trace": lambda c, o: c.api_client.do(
            "PATCH", f"/api/3.0/mlflow/traces/{o.more['trace']}/tags", body={"key": "a", "value": "b"}
        ),
        "link a trace to a run": _post("/api/2.0/mlflow/traces/link-to-run", trace_ids=["TRACE"], run_id="RUN"),
        "make a data set": _post("/api/3.0/mlflow/datasets/create", name="of an experiment", experiment_ids=["ID"]),
        "write to a data set": lambda c, o: c.api_client.do(
            "POST", f"/api/3.0/mlflow/datasets/{o.more['data']}/records", body={"records": "[]"}
        ),
        "write an artifact": lambda c, o: c.files.create_directory(_artifacts(o)),
    }


def _artifacts(o: Thing) -> str:
    return f"/WorkspaceInternal/Mlflow/Artifacts/{o.id}/Runs/{o.more['run']}/directory"


EXPERIMENT = {
    **{name: Action(do, "CAN_READ", may_fail=name == "list scorers") for name, do in _reads().items()},
    **{name: Action(do, "CAN_EDIT", container="CAN_RUN") for name, do in _edits().items()},
    "delete a logged model": Action(
        lambda c, o: c.experiments.delete_logged_model(o.more["model"]), "CAN_EDIT", container="CAN_RUN", spends=True
    ),
    "delete a data set": Action(
        lambda c, o: c.api_client.do("DELETE", f"/api/3.0/mlflow/datasets/{o.more['data']}"),
        "CAN_EDIT",
        container="CAN_RUN",
        spends=True,
    ),
    "delete traces": Action(
        _post("/api/3.0/mlflow/traces/delete-traces", experiment_id="ID", request_ids=["TRACE"]),
        "CAN_EDIT",
        container="CAN_RUN",
        spends=True,
    ),
    "move it": Action(
        lambda c, o: c.experiments.update_experiment(o.id, new_name=o.more["elsewhere"]), "CAN_MANAGE", spends=True
    ),
    "delete it and restore it": Action(_discard, "CAN_MANAGE", container="CAN_EDIT"),
}


def model(lab: Lab, _: Robot) -> Thing:
    """A model with a version that is in staging."""
    w, name = lab.w, lab.name("model")
    w.model_registry.create_model(name)
    w.model_registry.create_model_version(name, "dbfs:/none")
    w.model_registry.transition_stage(name, "1", "Staging", False)
    found = w.model_registry.get_model(name).registered_model_databricks
    assert found is not None and found.id is not None
    return Thing(found.id, name, ("registered-models", "root"))


def _found(c: WorkspaceClient, o: Thing) -> bool:
    return o.name in [one.name for one in c.model_registry.search_models()]


def _version_found(c: WorkspaceClient, o: Thing) -> bool:
    return o.name in [one.name for one in c.model_registry.search_model_versions()]


def _moves(*stages: str) -> Callable[[WorkspaceClient, Thing], object]:
    def move(c: WorkspaceClient, o: Thing) -> None:
        for stage in stages:
            c.model_registry.transition_stage(o.name, "1", stage, False)

    return move


def _moves_as_mlflow(c: WorkspaceClient, o: Thing) -> None:
    body = {"name": o.name, "version": "1", "stage": "Production"}
    c.api_client.do("POST", "/api/2.0/mlflow/model-versions/transition-stage", body=body)


MODEL = {
    "get it": Action(lambda c, o: c.model_registry.get_model(o.name), "CAN_READ"),
    "get it as MLflow does": Action(
        lambda c, o: c.api_client.do("GET", "/api/2.0/mlflow/registered-models/get", query={"name": o.name}), "CAN_READ"
    ),
    "find it": Action(_found, "CAN_READ"),
    "find its version": Action(_version_found, "CAN_READ"),
    "get its version": Action(lambda c, o: c.model_registry.get_model_version(o.name, "1"), "CAN_READ"),
    "get its latest versions": Action(lambda c, o: list(c.model_registry.get_latest_versions(o.name)), "CAN_READ"),
    "get its files' place": Action(
        lambda c, o: c.model_registry.get_model_version_download_uri(o.name, "1"), "CAN_READ"
    ),
    "add a version": Action(lambda c, o: c.model_registry.create_model_version(o.name, "dbfs:/n"), "CAN_EDIT"),
    "describe it": Action(lambda c, o: c.model_registry.update_model(o.name, description="a"), "CAN_EDIT"),
    "describe its version": Action(
        lambda c, o: c.model_registry.update_model_version(o.name, "1", description="a"), "CAN_EDIT"
    ),
    "tag it": Action(lambda c, o: c.model_registry.set_model_tag(o.name, "a", "b"), "CAN_EDIT"),
    "tag its version": Action(lambda c, o: c.model_registry.set_model_version_tag(o.name, "1", "a", "b"), "CAN_EDIT"),
    "archive its version": Action(_moves("Archived", "Staging"), "CAN_MANAGE_STAGING_VERSIONS"),
    "move its version to production": Action(_moves("Production"), "CAN_MANAGE_PRODUCTION_VERSIONS", spends=True),
    "move its version as MLflow does": Action(_moves_as_mlflow, "CAN_MANAGE_PRODUCTION_VERSIONS", spends=True),
    "rename it": Action(
        lambda c, o: c.model_registry.rename_model(o.name, new_name=f"{o.name}-new"), "CAN_MANAGE", spends=True
    ),
    "delete its version": Action(
        lambda c, o: c.model_registry.delete_model_version(o.name, "1"), "CAN_MANAGE", spends=True
    ),
    "delete it": Action(lambda c, o: c.model_registry.delete_model(o.name), "CAN_MANAGE", spends=True),
}
