"""`brickyard workspace`: start, stop and look at local workspaces."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from brickyard.cli.audit import audit
from brickyard.cli.run_notebook import run_notebook
from brickyard.cli.samples import samples
from brickyard.cli.workspace_copies import backup, restore
from brickyard.cli.workspace_token import token

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


@workspace.command(short_help="Start workspace NAME, and wait until it answers.")
@click.argument("name")
@click.option("--port", type=click.IntRange(1, 65535), help="The port to listen on.")
@click.option("--data-dir", metavar="DIR", help="Where tables, volumes and files of a new workspace are.")
@click.option(
    "--database-url",
    metavar="URL",
    help="A PostgreSQL database instead of a file, postgresql://USER@HOST/DATABASE. "
    "With a password, set BRICKYARD_DATABASE_URL instead.",
)
@click.option("--tls/--no-tls", default=None, help="Speak TLS, with a certificate of the workspace's own.")
@click.option("--tls-certificate", metavar="FILE", help="Your own certificate with its chain, in PEM.")
@click.option("--tls-key", metavar="FILE", help="The key of that certificate.")
@click.option("--address", "--host", metavar="IP", help="The address to listen on; 127.0.0.1 by default.")
@click.option("--hostname", multiple=True, metavar="NAME", help="A name by which clients call it; may be repeated.")
@click.option("--insecure", is_flag=True, default=None, help="Allow other machines to reach it without TLS.")
@click.option("--engine", metavar="NAME", help="Spark engine of clusters that name none: sail, jvm or sc://HOST:PORT.")
@click.option("--keyring", is_flag=True, help="Move the key that seals secrets from its file to the system's keyring.")
@click.option("--foreground", is_flag=True, help="Run in this terminal until Ctrl-C, and log to it.")
@_output
def start(name: str, keyring: bool, foreground: bool, output: str, **options: Any) -> None:
    """Start workspace NAME, and wait until it answers.

    What the options say is kept for the next starts.
    """
    from brickyard.workspace import process
    from brickyard.workspace.start_options import StartOptions

    options["hostnames"] = options.pop("hostname") or None
    wanted = StartOptions(**options)
    if keyring:
        _move_key(name)
    if foreground:
        from brickyard.workspace.foreground import run_in_foreground

        run_in_foreground(name, wanted, lambda current: _show([current], output))
    else:
        _show([process.start(name, wanted)], output)


@workspace.command()
@click.argument("name")
@_output
def stop(name: str, output: str) -> None:
    """Stop workspace NAME and everything it runs."""
    from brickyard.workspace import process

    _show([process.stop(name)], output)


@workspace.command()
@click.argument("name")
@_output
def restart(name: str, output: str) -> None:
    """Stop workspace NAME, and start it as it was."""
    from brickyard.workspace import process

    _show([process.restart(name)], output)


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
    if output == "json":
        click.echo(json.dumps([one.wire() for one in found], indent=2))
    elif not found:
        click.echo("no workspaces yet; `brickyard workspace start dev` makes one")
    else:
        _show(found, output)


@workspace.command(short_help="Print what points any client at workspace NAME.")
@click.argument("name")
@click.option("--profile", is_flag=True, help="Write a profile NAME instead, and print what selects it.")
@_output
def env(name: str, profile: bool, output: str) -> None:
    """Print the shell lines that point any Databricks client at workspace NAME.

    Use it as: eval "$(brickyard workspace env dev)". With --profile, host and token go into the file that
    DATABRICKS_CONFIG_FILE names, by default ~/.databrickscfg. The Spark engine for SPARK_REMOTE is started first, which
    takes about a second, and ends by itself if it is not used (BRICKYARD_SPARK_AHEAD=0: not before the first session).
    """
    from brickyard.errors import WorkspaceProcessError
    from brickyard.workspace import local_api, process, profiles, remotes

    current = process.status(name)
    if current.url is None or current.token is None:
        raise WorkspaceProcessError(
            f"the workspace {name!r} has never started", next=f"`brickyard workspace start {name}` starts it"
        )
    if profile:
        file = Path(os.environ.get("DATABRICKS_CONFIG_FILE") or "~/.databrickscfg").expanduser().absolute()
        profiles.write(file, name, current.url, current.token)
        variables = {"DATABRICKS_CONFIG_FILE": str(file), "DATABRICKS_CONFIG_PROFILE": name}
    else:
        local_api.expect_spark(process.existing(name))
        variables = {"DATABRICKS_HOST": current.url, "DATABRICKS_TOKEN": current.token}
        variables |= {"SPARK_REMOTE": remotes.spark_remote(current.url, current.token)}
    trust = process.trust(name)
    if trust:
        trust |= {"GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": trust["SSL_CERT_FILE"]}
    variables |= trust
    if output == "json":
        click.echo(json.dumps(variables, indent=2))
    else:
        for variable, value in variables.items():
            click.echo(f"export {variable}={shlex.quote(value)}")


@workspace.command()
@click.argument("name")
@click.option(
    "-n",
    "--lines",
    type=click.IntRange(0),
    default=100,
    show_default=True,
    help="How many of the last lines to print.",
)
@click.option("-f", "--follow", is_flag=True, help="Go on printing what is added.")
@_output
def logs(name: str, lines: int, follow: bool, output: str) -> None:
    """Print the log of workspace NAME."""
    from brickyard.workspace import process

    try:
        for line in process.log_lines(name, lines, follow=follow):
            click.echo(json.dumps({"line": line.rstrip("\n")}) + "\n" if output == "json" else line, nl=False)
    except KeyboardInterrupt:
        return


@workspace.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@_output
def reset(name: str, yes: bool, output: str) -> None:
    """Stop workspace NAME and delete everything it holds."""
    from brickyard.workspace import process
    from brickyard.workspace.secrets.keys import forget_entry, keyring_entry

    root = process.existing(name).root
    if not yes:
        click.confirm(f"Delete everything in workspace {name!r} ({root})?", abort=True, err=True)
    entry = keyring_entry(root)
    process.reset(name)
    if entry is not None:
        forget_entry(entry)
    click.echo(json.dumps({"name": name, "state": "deleted"}) if output == "json" else f"{name}  deleted")


workspace.add_command(audit)
workspace.add_command(token)
workspace.add_command(backup)
workspace.add_command(restore)
workspace.add_command(samples)
workspace.add_command(run_notebook)


def _move_key(name: str) -> None:
    from brickyard.workspace.layout import layout_of
    from brickyard.workspace.secrets.keys import move_to_keyring

    layout_of(name).create()
    move_to_keyring(layout_of(name).root)


def _show(found: list[Status], output: str) -> None:
    if output == "json":
        click.echo(json.dumps(found[0].wire(), indent=2))
        return
    width = max((len(one.name) for one in found), default=0)
    for one in found:
        pid = f"  pid {one.pid}" if one.pid else ""
        click.echo(f"{one.name:<{width}}  {one.state:<8} {one.url or '-'}{pid}  {one.root}")
