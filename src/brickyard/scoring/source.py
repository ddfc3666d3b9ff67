"""Where a model's files come from: a directory, a registered version or alias, or a run."""

from __future__ import annotations

import atexit
import os
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from brickyard.errors import ModelError, UsageError

if TYPE_CHECKING:
    from brickyard.models.registry import Registry
    from brickyard.plan.connect import Connection

__all__ = ["ModelSource", "fetch", "fetch_version", "is_remote", "model_directory", "resolve"]

_REGISTERED = re.compile(r"models:/(?P<name>[^/@]+)(?:@(?P<alias>[^/@]+)|/(?P<version>\d+))")
_FORMS = "models:/CATALOG.SCHEMA.MODEL@ALIAS, models:/CATALOG.SCHEMA.MODEL/VERSION or runs:/RUN_ID/PATH"


@dataclass(frozen=True)
class ModelSource:
    """A model version, found but not yet fetched.

    Attributes:
        name: The registered model's full name.
        version: Its number, as text.
        run_id: The run that made it; empty where that is not known.
        created: When, in milliseconds since the epoch; 0 where that is not known.
    """

    name: str
    version: str
    run_id: str
    created: int = 0


def is_remote(uri: str) -> bool:
    """Whether a workspace is needed to get the model."""
    return uri.startswith(("models:", "runs:"))


def resolve(uri: str, connection: Connection) -> ModelSource:
    """Find the version that a `models:/` URI means now; an alias is looked up.

    Raises:
        UsageError: The URI has another form.
        ModelError: There is no such model, alias or version, or its files are not complete.
    """
    from brickyard.models.registry import Registry

    match = _REGISTERED.fullmatch(uri)
    if match is None:
        raise UsageError("the model's URI is not understood", where=uri, next=f"write {_FORMS}")
    name = match["name"].lower()  # in Unity Catalog capitals make no difference
    registry = Registry(connection.config, name)
    version = match["version"] or _alias(registry, name, match["alias"], connection.host)
    state = registry.version(version)
    if state is None or not state.ready:
        what = "does not exist" if state is None else "has no complete files"
        raise ModelError(f"version {version} of '{name}' {what}", where=f"{uri} in {connection.host}")
    return ModelSource(name, version, state.run_id, state.created)


def _alias(registry: Registry, name: str, alias: str, host: str) -> str:
    model = registry.model()
    if model is None:
        raise ModelError(f"there is no registered model '{name}'", where=host, next="train and register it first")
    if alias not in model.aliases:
        known = ", ".join(sorted(model.aliases)) or "it has none"
        raise ModelError(
            f"'{name}' has no alias '{alias}'; its aliases: {known}",
            where=host,
            next="promote a version, which sets the alias: brickyard model promote",
        )
    return str(model.aliases[alias])


def fetch(uri: str, connection: Connection) -> Path:
    """Download a model into a directory of its own and return the directory.

    Raises:
        ModelError: There is no such model, or its files cannot be had.
    """
    if uri.startswith("runs:"):
        return _fetch_of_run(uri, connection, model_directory())
    return fetch_version(resolve(uri, connection), connection)


def fetch_version(source: ModelSource, connection: Connection) -> Path:
    """Download the files of a version into a directory that lives as long as this process.

    Raises:
        ModelError: The files cannot be had.
    """
    from brickyard.models.registry import Registry

    return Registry(connection.config, source.name).download(source.version, model_directory() / "files")


def model_directory() -> Path:
    """A new directory for a model's files that lives as long as this process."""
    directory = Path(tempfile.mkdtemp(prefix="brickyard-model-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    return directory


def _fetch_of_run(uri: str, connection: Connection, directory: Path) -> Path:
    import mlflow
    from mlflow.exceptions import MlflowException

    os.environ |= {
        "DATABRICKS_HOST": connection.host,
        "DATABRICKS_TOKEN": connection.token(),
        "MLFLOW_TRACKING_URI": "databricks",  # without it the client makes a database in the current directory
    }
    os.environ.pop("DATABRICKS_CONFIG_PROFILE", None)
    try:
        path = mlflow.artifacts.download_artifacts(
            artifact_uri=uri, dst_path=str(directory), tracking_uri="databricks", registry_uri="databricks-uc"
        )
    except (MlflowException, OSError) as error:
        raise ModelError(f"the model could not be fetched: {error}", where=f"{uri} in {connection.host}") from error
    return Path(path)
