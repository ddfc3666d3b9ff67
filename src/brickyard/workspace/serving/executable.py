"""Model versions as an endpoint may use them: with the rights of who made it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from brickyard.workspace.api.errors import PermissionDenied, ResourceDoesNotExist
from brickyard.workspace.catalog.privileges import ObjectKind

if TYPE_CHECKING:
    from brickyard.workspace.registry import ModelVersion
    from brickyard.workspace.workspace import Workspace

__all__ = ["ExecutableModels"]


class ExecutableModels:
    """The registry, and who may execute what is in it.

    Args:
        workspace: Whose they are.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._registry = workspace.registry

    def model_version(self, name: str, version: int) -> ModelVersion:
        """One version.

        Raises:
            ResourceDoesNotExist: There is none.
        """
        return self._registry.model_version(name, version)

    def alias(self, name: str, alias: str) -> int | None:
        """The version that an alias points to, or none."""
        return self._registry.alias(name, alias)

    def require_execute(self, user: str, name: str) -> None:
        """Refuse a model that a user, or a service principal, may not execute.

        Raises:
            PermissionDenied: They may not, or are no longer active.
            ApiError: There is no such model.
        """
        try:
            principal = self._workspace.identity.principal_named(user)
        except ResourceDoesNotExist as error:
            raise PermissionDenied(f"{user} cannot execute {name}: it is not an active user or principal") from error
        self._workspace.catalog.access(principal).require(ObjectKind.MODEL, name, "EXECUTE")
