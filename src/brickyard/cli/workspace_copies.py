"""`brickyard workspace backup` and `restore`: a workspace in one file."""

from __future__ import annotations

import json
from pathlib import Path

import click

__all__ = ["backup", "restore"]

_output = click.option(
    "-o", "--output", type=click.Choice(["text", "json"]), default="text", help="How to print the answer."
)


@click.command(short_help="Write everything of workspace NAME into FILE.")
@click.argument("name")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--restart", is_flag=True, help="Stop a running workspace while it is copied, and start it again.")
@click.option("--force", is_flag=True, help="Do so even if runs are active, which ends them.")
@_output
def backup(name: str, file: Path, restart: bool, force: bool, output: str) -> None:
    """Write database, data, key and tokens of workspace NAME into FILE, which only you can read.

    Whoever has the file has the secrets and the tokens of the workspace.
    """
    from brickyard.workspace import backup as backups

    made = backups.backup(name, file, restart=restart, force=force)
    for link in made.left_out:
        click.echo(f"left out: {link} is a link that leads out of the workspace", err=True)
    size = made.file.stat().st_size
    if output == "json":
        click.echo(json.dumps({"name": name, "file": str(made.file), "bytes": size}, indent=2))
        return
    click.echo(f"{name}  written to {made.file} ({size:,} bytes)")


@click.command(short_help="Make workspace NAME what FILE holds.")
@click.argument("name")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--data-dir", metavar="DIR", help="Where tables, volumes and files of a new workspace are.")
@click.option("--yes", is_flag=True, help="Do not ask before what is there is replaced.")
@_output
def restore(name: str, file: Path, data_dir: str | None, yes: bool, output: str) -> None:
    """Make workspace NAME what FILE, written by `backup`, holds: with its secrets and tokens, and all or nothing.

    How the workspace listens (port, TLS, address) stays as it is. It is stopped afterwards.
    """
    from brickyard.workspace import process
    from brickyard.workspace import restore as restores

    if restores.is_there(name) and not yes:
        click.confirm(f"Replace everything in workspace {name!r}?", abort=True, err=True)
    restores.restore(name, file, data_dir)
    current = process.status(name)
    if output == "json":
        click.echo(json.dumps(current.wire(), indent=2))
        return
    click.echo(f"{name}  restored; `brickyard workspace start {name}` starts it")
