"""`brickyard demo`: the flights project from notebook to production, by the commands that a user would type."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["demo"]


@click.command()
@click.option(
    "--directory", type=click.Path(path_type=Path), help="Where the project goes; by default in BRICKYARD_HOME."
)
@click.option("--reset", is_flag=True, help="Delete the demo's project and its workspaces, and end.")
@click.option("--stop", is_flag=True, help="Stop the demo's workspaces, and end.")
def demo(directory: Path | None, reset: bool, stop: bool) -> None:
    """Take the flights project from notebook to production on this machine.

    Three workspaces are started (flights-dev, flights-uat, flights-prod); the project is deployed, its data is
    prepared and tested, models are trained, judged, promoted, scored, served and rolled back. Nothing is special
    to the demo: every step is a command, and is shown. Safe to run again.
    """
    from brickyard.cli.walkthrough import Walkthrough, remove, stop_all
    from brickyard.workspace.layout import home

    project = (directory or home() / "demo" / "flights").absolute()
    if reset:
        remove(project)
    elif stop:
        stop_all()
    else:
        Walkthrough(project).run()
