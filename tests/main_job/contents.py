"""What a workspace holds, by value: two workspaces that were brought to one state have one content."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from deltalake import DeltaTable

from tests.support import LocalWorkspace

SCHEMA = "main.flights"
MODEL = f"{SCHEMA}.delay"
STAMPS = {"scored_at"}  # differ from run to run


def standing(workspace: LocalWorkspace) -> dict[str, Any]:
    """What a workspace says of itself, with every setting: what its users would see change. Rows are not in it."""
    client = workspace.client()
    endpoints = [client.serving_endpoints.get(str(endpoint.name)) for endpoint in client.serving_endpoints.list()]
    return {
        "jobs": {job.job_id: job.settings.as_dict() for job in client.jobs.list(expand_tasks=True) if job.settings},
        "endpoints": {endpoint.name: endpoint.config.as_dict() for endpoint in endpoints if endpoint.config},
        "aliases": aliases(workspace),
        "versions": [version.as_dict() for version in versions(workspace)],
        "tables": [table.as_dict() for table in client.tables.list("main", "flights")],
        "schemas": [schema.as_dict() for schema in client.schemas.list("main")],
        "volumes": [volume.as_dict() for volume in client.volumes.list("main", "flights")],
        "files": tree(workspace.root / "data" / "workspace"),
    }


def everything(workspace: LocalWorkspace) -> dict[str, Any]:
    """All that a workspace serves from: a hash of each file of its tables, models and volumes, and its settings."""
    data = workspace.root / "data"
    found = standing(workspace)
    for part in ("tables", "models", "volumes"):
        found |= {f"{part}/{name}": digest for name, digest in tree(data / part).items()}
    return found


def content(workspace: LocalWorkspace, *, trained: bool = False) -> dict[str, Any]:
    """Jobs, endpoints, files, tables and the model of the flights project in a workspace.

    Args:
        workspace: The workspace.
        trained: Whether a model was just trained there: a training that was cut off may have left a version.
    """
    client = workspace.client()
    jobs = [job.settings.name for job in client.jobs.list() if job.settings]
    schemas = [schema.full_name for schema in client.schemas.list("main")]
    found: dict[str, Any] = {
        "jobs": sorted(map(str, jobs)),
        "endpoints": sorted(str(endpoint.name) for endpoint in client.serving_endpoints.list()),
        "files": tree(workspace.root / "data" / "workspace" / "Shared" / ".bundle" / "flights"),
    }
    if SCHEMA not in schemas:
        return found | {"tables": {}, "model": None}
    tables = {str(table.name): str(table.storage_location) for table in client.tables.list("main", "flights")}
    found["tables"] = {name: rows(location) for name, location in sorted(tables.items())}
    return found | {"model": trained_model(workspace) if trained else model(workspace)}


def rows(location: str) -> list[str]:
    """A table's rows in an order of their own, without stamps."""
    table = DeltaTable(location).to_pyarrow_table()
    table = table.drop_columns([name for name in table.column_names if name in STAMPS])
    return sorted(json.dumps(row, default=str, sort_keys=True) for row in table.to_pylist())


def tree(root: Path) -> dict[str, str]:
    """The hash of every file below a directory."""
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file() and "/state/" not in str(path)
    }


def versions(workspace: LocalWorkspace) -> list[Any]:
    """The versions of the model, oldest first."""
    listed = workspace.client().model_versions.list(MODEL)
    return sorted(listed, key=lambda version: version.version or 0)


def model(workspace: LocalWorkspace) -> dict[str, Any]:
    """Versions with their files, and where the aliases point: by order, as a version given up leaves its number."""
    listed = versions(workspace)
    order = {version.version: number for number, version in enumerate(listed, start=1)}
    return {
        "aliases": {alias: order[number] for alias, number in aliases(workspace).items()},
        "versions": {
            order[version.version]: (
                version.status and version.status.value,
                tree(workspace.root / "data" / "models" / MODEL.replace(".", "/") / str(version.version)),
            )
            for version in listed
        },
    }


def trained_model(workspace: LocalWorkspace) -> dict[str, Any]:
    """What the newest version is worth: files of two trainings differ in their ids and times."""
    newest = versions(workspace)[-1]
    call = workspace.client().api_client.do
    run = call("GET", "/api/2.0/mlflow/runs/get", query={"run_id": newest.run_id})
    metrics = {metric["key"]: metric["value"] for metric in run["run"]["data"]["metrics"]}
    follows = aliases(workspace) == {"challenger": newest.version}
    return {"challenger is the newest": follows, "metrics": metrics, "status": newest.status}


def aliases(workspace: LocalWorkspace) -> dict[str, int]:
    """The model's aliases."""
    found = workspace.client().registered_models.get(MODEL, include_aliases=True).aliases or []
    return {str(alias.alias_name): int(alias.version_num or 0) for alias in found}
