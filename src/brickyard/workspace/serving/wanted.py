"""What is to serve: the version and the environment that a served entity means now, or what it waits for."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from brickyard.workspace.api.errors import ApiError, ResourceDoesNotExist
from brickyard.workspace.serving.environment import Environment, SecretUnavailable, SecretValues, resolve
from brickyard.workspace.serving.process import ScoringFailed

if TYPE_CHECKING:
    from brickyard.workspace.serving.config import Entity

__all__ = ["Missing", "ModelVersions", "Wanted", "find", "with_environment"]


class ModelVersionFiles(Protocol):
    """A version in the registry."""

    @property
    def path(self) -> Path:
        """The directory of its files."""
        ...

    @property
    def status(self) -> str:
        """`READY` once its files are complete."""
        ...


class ModelVersions(Protocol):
    """What an endpoint asks of the model registry."""

    def model_version(self, name: str, version: int) -> ModelVersionFiles:
        """One version; ResourceDoesNotExist where there is none."""
        ...

    def alias(self, name: str, alias: str) -> int | None:
        """The version that an alias points to, or none."""
        ...

    def require_execute(self, user: str, name: str) -> None:
        """An `ApiError` where there is no such model, or the user may not execute it."""
        ...


@dataclass(frozen=True)
class Missing:
    """What a served entity waits for, in words."""

    message: str


@dataclass(frozen=True)
class Wanted:
    """A served entity, the version that it means now, where its files are and what its process is given."""

    entity: Entity
    version: int
    path: Path
    environment: Environment = field(default_factory=Environment)


def find(entity: Entity, models: ModelVersions, creator: str) -> Wanted | Missing:
    """The version that a served entity means now, as the registry has it, if who made the endpoint may execute it."""
    version = int(entity.version) if entity.alias is None else models.alias(entity.model, entity.alias)
    if version is None:
        return Missing(f"waiting for a version of {entity.model} with the alias '{entity.alias}'")
    try:
        model = models.model_version(entity.model, version)
    except ResourceDoesNotExist:
        return Missing(f"waiting for version {version} of {entity.model}, which does not exist yet")
    if model.status != "READY":
        return Missing(f"waiting for the files of version {version} of {entity.model}, which are not complete")
    try:
        models.require_execute(creator, entity.model)
    except ApiError as error:
        return Missing(f"waiting until {creator}, who made the endpoint, may execute {entity.model}: {error.message}")
    return Wanted(entity, version, model.path)


def with_environment(wanted: Wanted, secrets: SecretValues, creator: str, endpoint: str) -> Wanted:
    """The same with its environment variables, for which secrets are read with the rights of who made the endpoint.

    Raises:
        ScoringFailed: A secret cannot be read.
    """
    use = f"endpoint={endpoint} served_entity={wanted.entity.name}"
    try:
        return replace(wanted, environment=resolve(wanted.entity.environment, secrets, creator, use))
    except SecretUnavailable as error:
        raise ScoringFailed(f"the served entity '{wanted.entity.name}' cannot start: {error}") from error
