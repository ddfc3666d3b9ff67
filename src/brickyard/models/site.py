"""A model in one environment: its policy, its registry, and who is asking."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from brickyard.errors import ModelError
from brickyard.models.registry import ModelState, Registry, VersionState

if TYPE_CHECKING:
    from brickyard.plan.connect import Connection
    from brickyard.project import Environment, ModelPolicy

__all__ = ["Site", "git_commit", "now"]


@dataclass(frozen=True)
class Site:
    """Everything that a command needs to know about a model in one environment.

    Attributes:
        environment: The environment.
        policy: The model's policy, resolved for the environment's target.
        connection: Its workspace, and who we are there.
        root: The project's directory.
    """

    environment: Environment
    policy: ModelPolicy
    connection: Connection
    root: Path

    @cached_property
    def registry(self) -> Registry:
        """The registered model there."""
        return Registry(self.connection.config, self.policy.name)

    @property
    def user(self) -> str:
        """The signed-in user's name there."""
        return self.connection.user_name

    @property
    def label(self) -> str:
        """How it is called in messages: model and environment."""
        return f"{self.policy.name} in {self.environment.name} ({self.registry.host})"

    def model(self) -> ModelState:
        """The registered model.

        Raises:
            ModelError: It does not exist.
        """
        state = self.registry.model()
        if state is None:
            raise ModelError(
                f"there is no registered model '{self.policy.name}'",
                where=self.label,
                next=f"Train it there, or deploy first: brickyard deploy -t {self.environment.target}",
            )
        return state

    def version(self, version: str) -> VersionState:
        """A version whose files are complete.

        Raises:
            ModelError: It does not exist, or its registration is not finished.
        """
        state = self.registry.version(version) if version.isdigit() else None
        if state is None:
            raise ModelError(
                f"there is no version '{version}' of '{self.policy.name}'",
                where=self.label,
                next=f"See what there is: brickyard model status {self.policy.key}",
            )
        if not state.ready:
            raise ModelError(f"the files of version {version} are not complete", where=self.label)
        return state


def now() -> str:
    """The time, ISO 8601 in UTC to the millisecond; as text it sorts by time."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def git_commit(root: Path) -> str:
    """The commit that a project's directory is at; empty outside git or without git."""
    try:
        done = subprocess.run(["git", "-C", str(root), "rev-parse", "HEAD"], capture_output=True, text=True, timeout=10)
    except FileNotFoundError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
