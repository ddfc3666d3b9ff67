"""Finds a model of the project in an environment and connects to its workspace."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING

from brickyard.errors import UsageError
from brickyard.models.site import Site

if TYPE_CHECKING:
    from brickyard.project import Environment, Project

__all__ = ["environment_named", "first_environment", "open_site"]


def open_site(project: Project, key: str, environment: Environment) -> Site:
    """The model `key` in an environment.

    Raises:
        UsageError: `brickyard.yml` has no such model.
        ProjectError: The files are wrong for the environment's target.
        ConnectionFailed: The workspace cannot be reached.
    """
    from brickyard.plan.connect import connect_to

    resolved = project.for_target(environment.target)
    _require_model(resolved, key)
    connection = connect_to(resolved.workspace)
    named = resolved.for_user(connection.user_name)
    return Site(environment, named.models[key], connection, Path(project.root))


def environment_named(project: Project, name: str) -> Environment:
    """The environment of that name, or else the one with that target.

    Raises:
        UsageError: There is none.
    """
    for environment in project.environments:
        if environment.name == name:
            return environment
    for environment in project.environments:
        if environment.target == name:
            return environment
    names = [environment.name for environment in project.environments]
    raise UsageError(f"there is no environment '{name}'{_like(name, names)}", where="brickyard.yml, environments")


def first_environment(project: Project) -> Environment:
    """The environment that promotion begins in.

    Raises:
        UsageError: The project has none.
    """
    if not project.environments:
        raise UsageError(
            "the project has no environments", where="brickyard.yml", next="Write at least `dev: {target: dev}`."
        )
    return project.environments[0]


def _require_model(project: Project, key: str) -> None:
    if key not in project.models:
        raise UsageError(
            f"there is no model '{key}'{_like(key, list(project.models))}",
            where="brickyard.yml, models",
            next="A model needs at least a name and a gate there.",
        )


def _like(name: str, names: list[str]) -> str:
    if not names:
        return "; there are none"
    near = difflib.get_close_matches(name, names, 1)
    return f"; did you mean '{near[0]}'?" if near else f"; there are: {', '.join(names)}"
