"""The files of a registered model's versions and of runs, through the MLflow client where it is needed."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from brickyard.errors import BrickyardError, ConnectionFailed, WorkspaceRefused
from brickyard.models import files_api
from brickyard.plan.connect import calling

if TYPE_CHECKING:
    from databricks.sdk.core import Config
    from mlflow import MlflowClient

__all__ = ["ModelFiles", "environment_of"]

_REFUSED = ("PERMISSION_DENIED", "UNAUTHENTICATED", "CUSTOMER_UNAUTHORIZED")
#: What a failed connection says, be it of one file among several.
_UNREACHABLE = (
    "Max retries",
    "timed out",
    "Timed out",
    "Connection refused",
    "Connection reset",
    "Connection aborted",
    "RemoteDisconnected",
)
_SDK_RETRY_SECONDS = "BRICKYARD_SDK_RETRY_SECONDS"
_MLFLOW = {
    # The defaults are 500 s and 250 s for each call, and there are several in a row: far longer than a user waits for a
    # workspace that is gone. One that asks to wait is given more time by `brickyard.models.throttling`.
    "MLFLOW_DATABRICKS_ENDPOINT_HTTP_RETRY_TIMEOUT": "10",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "4",
    _SDK_RETRY_SECONDS: "5",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}


class ModelFiles:
    """Moves files between this machine and the registry.

    Every method raises ConnectionFailed when the workspace cannot be reached or refuses the credentials, and
    WorkspaceRefused for any other error that it answers.

    Args:
        config: The SDK's configuration of the workspace.
        name: Full name of the registered model.
    """

    def __init__(self, config: Config, name: str) -> None:
        self.name = name
        self._config = config
        self._where = f"{name} in {config.host}"
        self._environ = environment_of(config)

    def download(self, version: str, directory: Path) -> Path:
        """Download the exact files of a version into a directory of their own and return their root."""
        directory.mkdir(parents=True, exist_ok=True)
        with calling("download the files of the model", self._where), _kept_here():
            if files_api.download(self._config, self.name, version, directory):
                return directory
        with self._client():
            import mlflow

            path = mlflow.artifacts.download_artifacts(
                artifact_uri=f"models:/{self.name}/{version}",
                dst_path=str(directory),
                tracking_uri="databricks",
                registry_uri="databricks-uc",
            )
        return Path(path)

    def create_version(self, files: Path, tags: Mapping[str, str], description: str) -> str:
        """Register the files as a new version and return its number.

        The MLflow client leaves its marker file in every download; it is not part of the model and is not sent.
        """
        (files / "registered_model_meta").unlink(missing_ok=True)
        with self._client() as client:
            created = client.create_model_version(
                self.name, source=str(files), tags=dict(tags), description=description
            )
        return str(created.version)

    def log_document(self, run_id: str, document: Mapping[str, Any], path: str) -> None:
        """Store a JSON document as an artifact of a run."""
        with self._client() as client:
            client.log_dict(run_id, dict(document), path)

    @contextmanager
    def _client(self) -> Iterator[MlflowClient]:
        """The MLflow client of this workspace; errors inside the block become Brickyard's.

        MLflow reads credentials from the environment at every call, and only so for every way to authenticate; the
        environment is therefore this workspace's for the length of the block.
        """
        with _environment(self._environ), calling("move files of the model", self._where), _kept_here():
            from mlflow import MlflowClient
            from mlflow.exceptions import MlflowException

            _give_up_early()
            # Its warnings are about runs and packages of the workspace that a model came from.
            logging.getLogger("mlflow").setLevel(logging.ERROR)
            try:
                yield MlflowClient(tracking_uri="databricks", registry_uri="databricks-uc")
            except MlflowException as exc:
                raise self._mapped(exc) from exc

    def _mapped(self, exc: Any) -> ConnectionFailed | WorkspaceRefused:
        text = str(exc).strip().partition("\n")[0].partition(". Config: ")[0]
        if exc.error_code in _REFUSED:
            return ConnectionFailed(
                f"the workspace refused: {text}", where=self._where, next="Check the token and the permissions."
            )
        if "room on the disk" in str(exc) or "disk is full" in str(exc):
            # The client's own text repeats this for every file.
            return WorkspaceRefused(
                "the workspace's disk is full: there is no room for the files",
                where=self._where,
                next="Make room there, then run the same command again.",
            )
        if any(word in str(exc) for word in _UNREACHABLE):
            return ConnectionFailed(
                f"the workspace cannot be reached: {text}",
                where=self._where,
                next="Is it running? brickyard workspace list",
            )
        return WorkspaceRefused(
            text, where=self._where, next="See the workspace's log, then run the same command again."
        )


@contextmanager
def _kept_here() -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        # The network's errors are subclasses; `calling` knows them. A plain one is this machine's disk.
        if type(exc).__module__ != "builtins" or isinstance(exc, (ConnectionError, TimeoutError)):
            raise
        raise BrickyardError(
            f"the model's files cannot be kept here: {exc}", where=exc.filename, next="Is the disk full?"
        ) from exc


def _give_up_early() -> None:
    """Let the SDK read its retry time from the environment, which is all that MLflow lets a caller set.

    MLflow makes SDK configurations of its own; each asks the host about itself, for 300 s where nobody answers.
    """
    from databricks.sdk.core import Config

    for attribute in Config.attributes():
        if attribute.name == "retry_timeout_seconds":
            attribute.env = _SDK_RETRY_SECONDS


def environment_of(config: Config) -> dict[str, str]:
    """The variables from which any Databricks client gets exactly this configuration."""
    values = {attribute.env: getattr(config, attribute.name) for attribute in config.attributes() if attribute.env}
    known = {key: str(value) for key, value in values.items() if value not in (None, "") and key is not None}
    # The values of the profile are already among the others; read twice they could contradict each other.
    known.pop("DATABRICKS_CONFIG_PROFILE", None)
    known["DATABRICKS_HOST"] = str(config.host)
    chosen = {key: value for key, value in known.items() if key.startswith(("DATABRICKS_", "ARM_", "GOOGLE_"))}
    # Without these the client makes a database of its own in the current directory.
    return chosen | {"MLFLOW_TRACKING_URI": "databricks", "MLFLOW_REGISTRY_URI": "databricks-uc"}


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """The process's environment is the workspace's for the length of the block, and as before after it."""
    settings = {key: os.environ.get(key, value) for key, value in _MLFLOW.items()} | dict(values)
    touched = {key for key in os.environ if key.startswith("DATABRICKS_")} | set(settings)
    saved = {key: os.environ.pop(key) for key in touched if key in os.environ}
    os.environ.update(settings)
    try:
        yield
    finally:
        for key in touched:
            os.environ.pop(key, None)
        os.environ.update(saved)
