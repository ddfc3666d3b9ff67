"""A registered model in one workspace: what the registry says of it, and the files of its versions.

Words go over the SDK's client to the registry's calls for Unity Catalog, the ones that the MLflow client makes
(`mlflow.protos.databricks_uc_registry_messages_pb2`, 3.17): most commands need no files, and importing MLflow takes
seconds. Files go through the MLflow client itself (`brickyard.models.files`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from brickyard.errors import ModelError
from brickyard.models.files import ModelFiles
from brickyard.models.throttling import patiently
from brickyard.plan.connect import calling

if TYPE_CHECKING:
    from databricks.sdk.core import ApiClient, Config

__all__ = ["ModelState", "Registry", "VersionState"]

_ROOT = "/api/2.0/mlflow/unity-catalog"
_MODELS = f"{_ROOT}/registered-models"
_VERSIONS = f"{_ROOT}/model-versions"
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
        self.host = str(config.host).rstrip("/")
        self._config = config
        self._files = ModelFiles(config, name)

    def model(self) -> ModelState | None:
        """The registered model, or None where it does not exist."""
        try:
            found = self._call("GET", f"{_MODELS}/get", name=self.name)["registered_model"]
        except _Missing:
            return None
        aliases = {entry["alias"]: str(entry["version"]) for entry in found.get("aliases", [])}
        return ModelState(aliases, _tags(found))

    def ensure_model(self) -> None:
        """Create the registered model where it does not exist."""
        if self.model() is not None:
            return
        try:
            self._call("POST", f"{_MODELS}/create", name=self.name)
        except _Missing as exc:
            raise ModelError(
                "the catalog or schema of the registered model does not exist",
                where=f"{self.name} in {self.host}",
                next="Deploy the project to this environment first: brickyard deploy -t TARGET",
            ) from exc

    def version(self, version: str) -> VersionState | None:
        """A version with its tags, or None where it does not exist."""
        try:
            found = self._call("GET", f"{_VERSIONS}/get", name=self.name, version=version)["model_version"]
        except _Missing:
            return None
        return VersionState(
            version=str(found["version"]),
            ready=found.get("status") == "READY",
            run_id=found.get("run_id") or "",
            created=int(found.get("creation_timestamp") or 0),
            tags=_tags(found),
        )

    def versions(self) -> Iterator[VersionState]:
        """The newest version first, fetched one by one, because the search of Unity Catalog leaves out tags."""
        try:
            numbers = list(self._numbers())
        except _Missing:
            return
        for number in sorted(numbers, key=int, reverse=True):
            state = self.version(number)
            if state is not None:
                yield state

    def delete_version(self, version: str) -> None:
        """Delete a version and its files."""
        self._call("DELETE", f"{_VERSIONS}/delete", name=self.name, version=version)

    def set_alias(self, alias: str, version: str) -> None:
        """Point an alias at a version, in one call."""
        self._call("POST", f"{_MODELS}/alias", name=self.name, alias=alias, version=version)

    def tag_version(self, version: str, tags: Mapping[str, str]) -> None:
        """Set tags of a version, in their order."""
        for key, value in tags.items():
            self._call("POST", f"{_VERSIONS}/set-tag", name=self.name, version=version, key=key, value=value)

    def tag_model(self, tags: Mapping[str, str], remove: tuple[str, ...] = ()) -> None:
        """Set tags of the registered model, in their order, then remove some; one that is gone is no error."""
        for key, value in tags.items():
            self._call("POST", f"{_MODELS}/set-tag", name=self.name, key=key, value=value)
        for key in remove:
            with suppress(_Missing):
                self._call("DELETE", f"{_MODELS}/delete-tag", name=self.name, key=key)

    def run_commit(self, run_id: str) -> str:
        """The git commit that a run of this workspace was made from; empty where it did not say."""
        try:
            data = self._call("GET", "/api/2.0/mlflow/runs/get", run_id=run_id)["run"].get("data", {})
        except _Missing:
            return ""
        tags = _tags(data)
        return next((tags[key] for key in _COMMIT_TAGS if tags.get(key)), "")

    def has_run(self, run_id: str) -> bool:
        """Whether a run exists in this workspace."""
        try:
            self._call("GET", "/api/2.0/mlflow/runs/get", run_id=run_id)
        except _Missing:
            return False
        return True

    def download(self, version: str, directory: Path) -> Path:
        """Download the exact files of a version into a new directory and return their root."""
        self._sign_of_life()
        return patiently(lambda: self._files.download(version, directory))

    def create_version(self, files: Path, tags: Mapping[str, str], description: str) -> str:
        """Register the files as a new version and return its number; a failure may leave a version without files."""
        self._sign_of_life()
        return self._files.create_version(files, tags, description)

    def log_document(self, run_id: str, document: Mapping[str, Any], path: str) -> bool:
        """Store a JSON document as an artifact of a run; False where the run does not exist (any more)."""
        if not self.has_run(run_id):
            return False
        patiently(lambda: self._files.log_document(run_id, document, path))
        return True

    def _numbers(self) -> Iterator[str]:
        token: str | None = None
        while True:
            page = {"page_token": token} if token else {}
            found = self._call("GET", f"{_VERSIONS}/search", filter=f"name = '{self.name}'", **page)
            yield from (str(version["version"]) for version in found.get("model_versions", []))
            token = found.get("next_page_token")
            if not token:
                return

    def _sign_of_life(self) -> None:
        """Fail within the configured time where nobody answers; the MLflow client would try for minutes."""
        self.model()

    @cached_property
    def _api(self) -> ApiClient:
        from databricks.sdk.core import ApiClient

        return ApiClient(self._config)

    def _call(self, method: str, path: str, **fields: str) -> dict[str, Any]:
        return patiently(lambda: self._call_once(method, path, fields))

    def _call_once(self, method: str, path: str, fields: Mapping[str, str]) -> dict[str, Any]:
        where = f"{self.name} in {self.host}"
        with calling(f"{method} {path.rpartition('/api/2.0/mlflow/')[2]}", where):
            from databricks.sdk.errors.platform import NotFound

            try:
                if method == "GET":
                    answer = self._api.do(method, path, query=dict(fields))
                else:
                    answer = self._api.do(method, path, body=dict(fields))
            except NotFound as exc:
                raise _Missing(str(exc).partition(". Config: ")[0], where=where) from exc
        return answer if isinstance(answer, dict) else {}


class _Missing(ModelError):
    """What was asked for does not exist; callers decide what that means."""


def _tags(found: Mapping[str, Any]) -> dict[str, str]:
    return {tag["key"]: tag.get("value", "") for tag in found.get("tags", [])}
