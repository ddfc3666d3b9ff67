"""`brickyard workspace`: start, stop and look at local workspaces."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from brickyard.workspace.process import Status

__all__ = ["workspace"]

_output = click.option(
    "-o", "--output", type=click.Choice(["text", "json"]), default="text", help="How to print the answer."
)


@click.group()
def workspace() -> None:
    """Start, stop and look at local workspaces.

    A local workspace speaks the Databricks REST API and executes jobs for real. Several live side by side,
    each with its own port, data, key and tokens, under BRICKYARD_HOME (by default ~/.brickyard).
    """


@workspace.command()
@click.argument("name")
@click.option("--port", type=click.IntRange(1, 65535), help="The port to listen on; kept for the next start.")
@click.option(
    "--database-url",
    metavar="URL",
    help="A PostgreSQL database instead of a file, postgresql://USER@HOST/DATABASE; kept for the next start. "
    "With a password, set BRICKYARD_DATABASE_URL instead.",
)
@click.option("--keyring", is_flag=True, help="Move the key that seals secrets from its file to the system's keyring.")
@_output
def start(name: str, port: int | None, database_url: str | None, keyring: bool, output: str) -> None:
    """Start workspace NAME, and wait until it answers."""
    from brickyard.workspace import process

    if keyring:
        from brickyard.workspace.layout import layout_of
        from brickyard.workspace.secrets.keys import move_to_keyring

        layout_of(name).create()
        move_to_keyring(layout_of(name).root)
    _show([process.start(name, port, database_url)], output)


@workspace.command()
@click.argument("name")
@_output
def stop(name: str, output: str) -> None:
    """Stop workspace NAME and everything it runs."""
    from brickyard.workspace import process

    _show([process.stop(name)], output)


@workspace.command(short_help="Show whether workspace NAME runs, and where.")
@click.argument("name")
@_output
def status(name: str, output: str) -> None:
    """Show whether workspace NAME runs, and where; exit code 3 where it is stopped."""
    from brickyard.workspace import process

    current = process.status(name)
    _show([current], output)
    if current.state != "running":
        raise click.exceptions.Exit(3)


@workspace.command("list")
@_output
def list_workspaces(output: str) -> None:
    """List the workspaces under BRICKYARD_HOME."""
    from brickyard.workspace import process

    found = process.listing()
    if not found and output == "text":
        click.echo("no workspaces yet; `brickyard workspace start dev` makes one")
        return
    _show(found, output)


@workspace.command(short_help="Print what points any client at workspace NAME.")
@click.argument("name")
@click.option("--profile", is_flag=True, help="Name the profile that `start` wrote, instead of host and token.")
def env(name: str, profile: bool) -> None:
    """Print the shell lines that point any Databricks client at workspace NAME.

    Use it as: eval "$(brickyard workspace env dev)"
    """
    from brickyard.workspace import process

    current = process.status(name)
    if profile:
        click.echo(f"export DATABRICKS_CONFIG_FILE={process.profiles_file()}")
        click.echo(f"export DATABRICKS_CONFIG_PROFILE={name}")
        return
    click.echo(f"export DATABRICKS_HOST={current.url}")
    click.echo(f"export DATABRICKS_TOKEN={current.token}")


@workspace.command()
@click.argument("name")
@click.option("-n", "--lines", default=100, show_default=True, help="How many of the last lines to print.")
@click.option("-f", "--follow", is_flag=True, help="Go on printing what is added.")
def logs(name: str, lines: int, follow: bool) -> None:
    """Print the log of workspace NAME."""
    from brickyard.workspace import process

    for line in process.log_lines(name, lines, follow=follow):
        click.echo(line, nl=False)


@workspace.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
def reset(name: str, yes: bool) -> None:
    """Stop workspace NAME and delete everything it holds."""
    from brickyard.workspace import process
    from brickyard.workspace.secrets.keys import forget_entry, keyring_entry

    current = process.status(name)
    if not yes:
        click.confirm(f"Delete everything in workspace {name!r} ({current.root})?", abort=True)
    entry = keyring_entry(current.root)
    process.reset(name)
    if entry is not None:
        forget_entry(entry)
    click.echo(f"{name}  deleted")


def _show(found: list[Status], output: str) -> None:
    if output == "json":
        plain = [asdict(one) | {"root": str(one.root), "token": None} for one in found]
        click.echo(json.dumps(plain if len(plain) != 1 else plain[0], indent=2))
        return
    width = max((len(one.name) for one in found), default=0)
    for one in found:
        pid = f"  pid {one.pid}" if one.pid else ""
        click.echo(f"{one.name:<{width}}  {one.state:<8} {one.url or '-'}{pid}  {one.root}")
