"""A registered model in one workspace, over the MLflow client and nothing else."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from brickyard.errors import BrickyardError, ConnectionFailed, ModelError, WorkspaceRefused

if TYPE_CHECKING:
    from databricks.sdk.core import Config
    from mlflow import MlflowClient

__all__ = ["ModelState", "Registry", "VersionState"]

_log = logging.getLogger(__name__)

# For how long an answer counts as a sign of life.
_PROBE_SECONDS = 2.0
_MISSING = ("RESOURCE_DOES_NOT_EXIST", "NOT_FOUND", "ENDPOINT_NOT_FOUND")
_REFUSED = ("PERMISSION_DENIED", "UNAUTHENTICATED", "CUSTOMER_UNAUTHORIZED")
_MLFLOW = {
    # The default is 500 s, far longer than a user waits for a workspace that is gone.
    "MLFLOW_DATABRICKS_ENDPOINT_HTTP_RETRY_TIMEOUT": "60",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}
_COMMIT_TAGS = ("mlflow.source.git.commit", "mlflow.databricks.gitRepoCommit", "git_commit")


@dataclass(frozen=True)
class ModelState:
    """A registered model: its aliases (name to version) and its tags."""

    aliases: Mapping[str, str]
    tags: Mapping[str, str]


@dataclass(frozen=True)
class VersionState:
    """A model version.

    Attributes:
        version: Its number, as text.
        ready: Whether its files are complete.
        run_id: The run that made it; empty where the run is in another workspace.
        created: Milliseconds since the epoch.
        tags: Its tags.
    """

    version: str
    ready: bool
    run_id: str
    created: int
    tags: Mapping[str, str]


class Registry:
    """The registered model `name` in the workspace that `config` reaches.

    Every method raises ConnectionFailed when the workspace cannot be reached or refuses the credentials, and
    WorkspaceRefused for any other error that it answers.

    Args:
        config: The SDK's configuration of the workspace.
        name: Full name in Unity Catalog.
    """

    def __init__(self, config: Config, name: str) -> None:
        self.name = name
        self.host = str(config.host)
        self._config = config
        self._environ = _environ(config)
        self._answered = float("-inf")

    def model(self) -> ModelState | None:
        """The registered model, or None where it does not exist."""
        try:
            with self._client() as client:
                model = client.get_registered_model(self.name)
        except _Missing:
            return None
        return ModelState({k: str(v) for k, v in (model.aliases or {}).items()}, dict(model.tags or {}))

    def ensure_model(self) -> None:
        """Create the registered model where it does not exist."""
        if self.model() is not None:
            return
        try:
            with self._client() as client:
                client.create_registered_model(self.name)
        except _Missing as exc:
            raise ModelError(
                "the catalog or schema of the registered model does not exist",
                where=f"{self.name} in {self.host}",
                next="Deploy the project to this environment first: brickyard deploy -t TARGET",
            ) from exc

    def version(self, version: str) -> VersionState | None:
        """A version with its tags, or None where it does not exist."""
        try:
            with self._client() as client:
                found = client.get_model_version(self.name, version)
        except _Missing:
            return None
        return VersionState(
            version=str(found.version),
            ready=found.status == "READY",
            run_id=found.run_id or "",
            created=int(found.creation_timestamp or 0),
            tags=dict(found.tags or {}),
        )

    def versions(self) -> Iterator[VersionState]:
        """The newest version first, fetched one by one, because the search of Unity Catalog leaves out tags."""
        try:
            with self._client() as client:
                numbers = [str(found.version) for found in self._search(client)]
        except _Missing:
            return
        for number in sorted(numbers, key=int, reverse=True):
            state = self.version(number)
            if state is not None:
                yield state

    def download(self, version: str, directory: Path) -> Path:
        """Download the exact files of a version into a new directory and return their root."""
        import mlflow

        directory.mkdir(parents=True)
        with self._client():
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

    def delete_version(self, version: str) -> None:
        """Delete a version and its files."""
        with self._client() as client:
            client.delete_model_version(self.name, version)

    def set_alias(self, alias: str, version: str) -> None:
        """Point an alias at a version, in one call."""
        with self._client() as client:
            client.set_registered_model_alias(self.name, alias, version)

    def tag_version(self, version: str, tags: Mapping[str, str]) -> None:
        """Set tags of a version, in their order."""
        with self._client() as client:
            for key, value in tags.items():
                client.set_model_version_tag(self.name, version, key, value)

    def tag_model(self, tags: Mapping[str, str], remove: tuple[str, ...] = ()) -> None:
        """Set tags of the registered model, in their order, then remove some; one that is gone is no error."""
        with self._client() as client:
            for key, value in tags.items():
                client.set_registered_model_tag(self.name, key, value)
        for key in remove:
            with suppress(_Missing), self._client() as client:
                client.delete_registered_model_tag(self.name, key)

    def run_commit(self, run_id: str) -> str:
        """The git commit that a run of this workspace was made from; empty where it did not say."""
        try:
            with self._client() as client:
                tags = client.get_run(run_id).data.tags
        except _Missing:
            return ""
        return next((tags[key] for key in _COMMIT_TAGS if tags.get(key)), "")

    def log_document(self, run_id: str, document: Mapping[str, Any], path: str) -> bool:
        """Store a JSON document as an artifact of a run; False where the run does not exist (any more)."""
        try:
            with self._client() as client:
                client.get_run(run_id)
                client.log_dict(run_id, dict(document), path)
        except _Missing:
            return False
        return True

    def _search(self, client: MlflowClient) -> Iterator[Any]:
        token = None
        while True:
            page = client.search_model_versions(f"name = '{self.name}'", page_token=token)
            yield from page
            token = page.token
            if not token:
                return

    @contextmanager
    def _client(self) -> Iterator[MlflowClient]:
        """The MLflow client of this workspace; errors inside the block become Brickyard's.

        MLflow reads credentials from the environment at every call, and only so for every way to authenticate; the
        environment is therefore this workspace's for the length of the block.
        """
        self._probe()
        with _environment(self._environ):
            from mlflow import MlflowClient
            from mlflow.exceptions import MlflowException

            try:
                yield MlflowClient(tracking_uri="databricks", registry_uri="databricks-uc")
            except MlflowException as exc:
                raise self._mapped(exc, exc.error_code) from exc
            except (OSError, ValueError) as exc:
                # The SDK's and the HTTP library's errors are subclasses of these.
                raise self._mapped(exc, getattr(exc, "error_code", None) or "") from exc

    def _probe(self) -> None:
        """Fail within the configured time where nobody answers; the MLflow client would try for minutes."""
        if time.monotonic() - self._answered < _PROBE_SECONDS:
            return
        from brickyard.plan.connect import calling

        with calling(f"reach the registry of '{self.name}'", self.host):
            from databricks.sdk.core import ApiClient
            from databricks.sdk.errors.base import DatabricksError

            try:
                ApiClient(self._config).do("GET", "/.well-known/databricks-config")
            except DatabricksError as exc:
                # Any answer will do; whether it permits anything, the call itself will show.
                _log.debug("probe of %s: %s", self.host, exc)
        self._answered = time.monotonic()

    def _mapped(self, exc: Exception, code: str) -> BrickyardError:
        where = f"{self.name} in {self.host}"
        text = str(exc).strip().partition("\n")[0].partition(". Config: ")[0]
        if code in _MISSING:
            return _Missing(text, where=where)
        if code in _REFUSED:
            return ConnectionFailed(
                f"the workspace refused: {text}", where=where, next="Check the token and the permissions."
            )
        if isinstance(exc, ConnectionError) or any(word in text for word in ("Max retries", "timed out", "Timed out")):
            return ConnectionFailed(
                f"the workspace cannot be reached: {text}", where=where, next="Is it running? brickyard workspace list"
            )
        return WorkspaceRefused(text, where=where)


class _Missing(ModelError):
    """What was asked for does not exist; callers decide what that means."""


def _environ(config: Config) -> dict[str, str]:
    """The variables from which any Databricks client gets exactly this configuration."""
    values = {attribute.env: getattr(config, attribute.name) for attribute in config.attributes() if attribute.env}
    known = {key: str(value) for key, value in values.items() if value not in (None, "") and key is not None}
    # The values of the profile are already among the others; read twice they could contradict each other.
    known.pop("DATABRICKS_CONFIG_PROFILE", None)
    known["DATABRICKS_HOST"] = str(config.host)
    return {key: value for key, value in known.items() if key.startswith(("DATABRICKS_", "ARM_", "GOOGLE_"))}


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
