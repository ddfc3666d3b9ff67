"""The registry of a workspace: MLflow tracking, and models in Unity Catalog."""

from __future__ import annotations

from typing import TYPE_CHECKING

from brickyard.workspace.registry.aliases import AliasCallback, Aliases
from brickyard.workspace.registry.experiments import Experiments
from brickyard.workspace.registry.models import RegisteredModels
from brickyard.workspace.registry.names import ModelName
from brickyard.workspace.registry.records import ModelVersion, Status
from brickyard.workspace.registry.signed import SignedFiles
from brickyard.workspace.registry.tracking import Tracking
from brickyard.workspace.registry.versions import ModelVersions
from brickyard.workspace.registry.workspace_models import WorkspaceModels

if TYPE_CHECKING:
    from brickyard.workspace.workspace import Workspace

__all__ = ["Registry", "build"]


class Registry:
    """What other services ask of the registry; the API families use its parts.

    Attributes:
        tracking: The mounted MLflow server.
        experiments: Its experiments, by their path in the workspace tree.
        signed_files: Addresses of files that were given out.
        workspace_models: What MLflow does not know of the models in the workspace's own registry.
        models: Registered models in Unity Catalog.
        versions: Their versions.
        aliases: Their aliases.
    """

    def __init__(self, workspace: Workspace) -> None:
        self.tracking = Tracking(workspace.data / "mlflow", workspace.store)
        self.signed_files = SignedFiles()
        self.experiments = Experiments(workspace.data / "mlflow", workspace.store)
        self.workspace_models = WorkspaceModels(workspace.store, workspace.identity.permissions, self.tracking)
        self.aliases = Aliases(workspace.store)
        self.models = RegisteredModels(workspace, workspace.data / "models", self.aliases)
        self.versions = ModelVersions(workspace.store, self.models, self.aliases)

    def model_version(self, name: str, version: int) -> ModelVersion:
        """One version, whatever its status.

        Raises:
            InvalidParameterValue: The name does not have three levels.
            ResourceDoesNotExist: There is no such version.
        """
        return self.versions.get(ModelName.parse(name), version)

    def alias(self, name: str, alias: str) -> int | None:
        """The version that an alias points to now, or nothing."""
        return self.aliases.version(name, alias.removeprefix("@"))

    def on_alias_change(self, callback: AliasCallback) -> None:
        """Call `callback(name, alias, version or None)` in the changing thread, after the change is durable."""
        self.aliases.on_change(callback)

    def status(self, name: str, version: int) -> Status | None:
        """Whether a version's files may be read (`READY`) or written (`PENDING`); nothing where there is none."""
        return self.versions.status(ModelName.parse(name), version)

    def is_sealed(self, name: str, version: int) -> bool:
        """Whether the files of a version must not be written: it is complete, or not in the registry at all."""
        return self.status(name, version) is not Status.PENDING

    def close(self) -> None:
        """Give back the tracking server's connections."""
        self.tracking.close()
        self.experiments.close()


def build(workspace: Workspace) -> Registry:
    """The registry of a workspace."""
    return Registry(workspace)
