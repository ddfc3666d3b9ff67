"""`brickyard init`: create a project from a template."""

from __future__ import annotations

import shutil
from pathlib import Path

import click

from brickyard.errors import UsageError

__all__ = ["create_project", "init"]

_NOT_COPIED = shutil.ignore_patterns("dist", ".databricks", "__pycache__", "*.egg-info", ".pytest_cache")


@click.command()
@click.option(
    "--template", type=click.Choice(["flights"]), default="flights", show_default=True, help="What to start from."
)
@click.option(
    "--output-dir", type=click.Path(path_type=Path), help="The directory to create; by default the template's name."
)
def init(template: str, output_dir: Path | None) -> None:
    """Create a project from a template."""
    target = create_project(template, output_dir or Path(template))
    click.echo(f"created {target}")
    click.echo(f"next: cd {target} && brickyard validate")


def create_project(template: str, target: Path) -> Path:
    """Copy a template into a new directory.

    Raises:
        UsageError: The directory exists and is not empty, or is a file.
    """
    if target.exists() and not target.is_dir():
        raise UsageError(f"{target} is a file", next="name a directory with --output-dir")
    if target.exists() and any(target.iterdir()):
        raise UsageError(
            f"{target} exists and is not empty", next="choose another directory with --output-dir, or empty this one"
        )
    shutil.copytree(_template(template), target, ignore=_NOT_COPIED, dirs_exist_ok=True)
    return target


def _template(name: str) -> Path:
    """The template's files: inside the installed package, or in the checkout of an editable install."""
    package = Path(__file__).resolve().parents[1]
    packaged = package / "templates" / name
    return packaged if packaged.is_dir() else package.parents[1] / "examples" / name
