"""The project as the rest of the tool sees it: resolved for one target, validated, frozen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from brickyard.errors import UsageError
from brickyard.project.faults import Fault, Position, nearest
from brickyard.project.policy import Environment, ModelPolicy

__all__ = ["Artifact", "Git", "Project", "Resource", "Sync", "WorkspaceSettings"]


@dataclass(frozen=True, slots=True)
class WorkspaceSettings:
    """Where a target's workspace is, and where in it the deployment lives.

    Args:
        host: The workspace's address, or None if a profile or the environment says it.
        profile: The profile to connect with.
        root_path: The deployment's own directory; begins with `~` until the user is known.
        file_path: Where the project's files go.
        artifact_path: Where built wheels go.
        state_path: Where the deployment's state and lock are.
        auth: Further settings of the SDK's `Config`, such as `auth_type` or `azure_workspace_resource_id`.
    """

    host: str | None
    profile: str | None
    root_path: str
    file_path: str
    artifact_path: str
    state_path: str
    auth: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource of the workspace.

    Args:
        type: Its type as in `databricks.yml`, for example `jobs`.
        key: Its name in the file; never changes what it is called in the workspace.
        config: What the vendor's API takes, interpolated; values of resources that do not exist yet are
            still written `${resources.type.key.field}`.
        at: Where it is declared.
        depends_on: The addresses (`type.key`) of the resources it refers to.
        prevent_destroy: Whether deleting it is refused.
    """

    type: str
    key: str
    config: Mapping[str, Any]
    at: Position
    depends_on: tuple[str, ...] = ()
    prevent_destroy: bool = False

    @property
    def address(self) -> str:
        """Its name within the deployment, `type.key`."""
        return f"{self.type}.{self.key}"


@dataclass(frozen=True, slots=True)
class Artifact:
    """A wheel that is built before a deploy.

    Args:
        key: Its name in the file.
        path: The absolute directory it is built in.
        build: The shell command that builds it; None builds a standard wheel.
        at: Where it is declared.
    """

    key: str
    path: Path
    build: str | None
    at: Position


@dataclass(frozen=True, slots=True)
class Sync:
    """Which files go to the workspace, as patterns of `.gitignore`; `include` wins over what is ignored."""

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Git:
    """The branch that a target is deployed from.

    Args:
        expected: The branch that `bundle.git.branch`, or the target's `git`, asks for.
        actual: The branch that is checked out; empty if none is, or there is no repository.
        at: Where the expected branch is written.
    """

    expected: str
    actual: str
    at: Position


@dataclass(frozen=True)
class Project:
    """A project resolved for one target.

    Args:
        root: The absolute directory of `databricks.yml`.
        bundle_name: The bundle's name.
        target: The chosen target.
        mode: `development`, `production`, or None.
        workspace: Where it is deployed.
        resources: What it declares, in the order of the files.
        artifacts: The wheels it builds.
        sync: Which files are uploaded.
        variables: The value of every variable.
        targets: The names of all targets.
        environments: The environments of `brickyard.yml`, in the order of promotion.
        models: The models of `brickyard.yml` by their key.
        warnings: What is allowed but probably not meant.
        reload: Resolves the same files for another target and user.
        user: The signed-in user, once that is known.
        git: The branch that the target asks for, if it does.
    """

    root: Path
    bundle_name: str
    target: str
    mode: str | None
    workspace: WorkspaceSettings
    resources: tuple[Resource, ...]
    artifacts: tuple[Artifact, ...]
    sync: Sync
    variables: Mapping[str, Any]
    targets: tuple[str, ...]
    environments: tuple[Environment, ...]
    models: Mapping[str, ModelPolicy]
    warnings: tuple[Fault, ...]
    reload: Callable[[str | None, str | None], Project] = field(repr=False, compare=False)
    user: str | None = None
    git: Git | None = None

    def for_target(self, target: str) -> Project:
        """The same files resolved for another target.

        Raises:
            ProjectFaults: The files are wrong for that target.
        """
        return self if target == self.target else self.reload(target, self.user)

    def for_user(self, user: str) -> Project:
        """The same project with `${workspace.current_user...}` and `~` filled in for a signed-in user."""
        return self if user == self.user else self.reload(self.target, user)

    def environment(self, name: str) -> Environment:
        """The environment of that name.

        Raises:
            UsageError: There is no such environment.
        """
        names = [environment.name for environment in self.environments]
        if name not in names:
            hint = nearest(name, names)
            raise UsageError(
                f"there is no environment '{name}'",
                where="brickyard.yml",
                next=f"did you mean '{hint}'?" if hint else f"one of: {', '.join(names) or 'none is declared'}",
            )
        return self.environments[names.index(name)]

    def resource(self, type: str, key: str) -> Resource | None:
        """The resource of that type and key, or None."""
        return next((found for found in self.resources if found.address == f"{type}.{key}"), None)
