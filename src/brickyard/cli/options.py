"""Options that several commands have: which workspace, and values by name."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import click

from brickyard.cli.place import project_root
from brickyard.errors import UsageError

if TYPE_CHECKING:
    from brickyard.plan.connect import Connection

__all__ = ["connection_for", "pairs", "with_workspace"]


def with_workspace(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that choose a workspace; see `connection_for`."""
    command = click.option("-t", "--target", help="The workspace of this target of the project here.")(command)
    return click.option("--profile", metavar="NAME", help="The workspace of this profile.")(command)


def pairs(values: Iterable[str], option: str) -> dict[str, str]:
    """Values of an option that are `NAME=VALUE`, by name.

    Raises:
        UsageError: One is not.
    """
    found = {}
    for value in values:
        name, sign, text = value.partition("=")
        if not name or not sign:
            raise UsageError(f"{option} takes NAME=VALUE, not '{value}'")
        found[name] = text
    return found


def connection_for(target: str | None, profile: str | None) -> Connection:
    """Connect to the workspace of a profile, else of a target of the project here, else of the environment.

    Raises:
        ConnectionFailed: It is not known which workspace, or it cannot be reached.
        ProjectError: The project here is wrong.
    """
    from brickyard.plan.connect import connect, connect_to
    from brickyard.project import load_project

    if profile:
        return connect(profile=profile)
    root = project_root()
    if target or (root / "databricks.yml").is_file():
        return connect_to(load_project(root, target, environ=os.environ).workspace)
    return connect()
