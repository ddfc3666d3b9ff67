"""The `brickyard` command: finds the command group that was asked for and shows errors to the user."""

from __future__ import annotations

import contextlib
import difflib
import importlib
import sys
from typing import NoReturn

import click

from brickyard import __version__
from brickyard.errors import BrickyardError

__all__ = ["cli", "main"]

# command -> (module, attribute, help shown by `brickyard --help`); a module is imported when its command is used.
_COMMANDS = {
    "init": ("brickyard.cli.init", "init", "Create a project from a template."),
    "validate": (
        "brickyard.cli.bundle",
        "validate",
        "Check the project's files; every fault with file and line.",
    ),
    "plan": ("brickyard.cli.bundle", "plan", "Show what a deploy would change, field by field."),
    "deploy": ("brickyard.cli.bundle", "deploy", "Make the workspace match the project."),
    "run": ("brickyard.cli.bundle", "run", "Run a job, follow it live, exit with its result."),
    "runs": ("brickyard.cli.runs", "runs", "List, follow, export, repair and cancel runs of jobs."),
    "destroy": ("brickyard.cli.bundle", "destroy", "Delete what deploy created."),
    "model": ("brickyard.cli.model", "model", "Evaluate, promote, approve and roll back model versions."),
    "score": ("brickyard.cli.score", "score", "Score a table with a model into a Delta table."),
    "serve": ("brickyard.cli.serve", "serve", "Serve a model over HTTP."),
    "workspace": ("brickyard.cli.workspace", "workspace", "Start, stop and look at local workspaces."),
    "doctor": ("brickyard.cli.doctor", "doctor", "Say which Spark engines work here, and what is missing."),
    "demo": ("brickyard.cli.demo", "demo", "Take the flights project from notebook to production."),
}


class _LazyGroup(click.Group):
    """A command group that imports a command's module only when the command is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, attribute, _ = _COMMANDS[cmd_name]
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or name the nearest one."""
        name = args[0]
        if name not in _COMMANDS and not name.startswith("-"):
            near = difflib.get_close_matches(name, _COMMANDS, 1)
            raise click.UsageError(
                f"there is no command '{name}'" + (f"; did you mean '{near[0]}'?" if near else ""), ctx
            )
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_text) for name, (_, _, help_text) in _COMMANDS.items()])


_EPILOG = "First time here? `brickyard demo` shows the whole way; `brickyard init` makes a project of your own."


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]}, epilog=_EPILOG)
@click.version_option(__version__, prog_name="brickyard")
def cli() -> None:
    """Take machine-learning projects from notebook to production, on a laptop first."""


def main() -> None:
    """Run the command line; an error of the user's situation ends without a traceback."""
    try:
        cli(prog_name="brickyard")
    except BrickyardError as error:
        _fail(str(error), error.exit_code)
    except OSError as error:  # a full disk, a directory that is gone, a file that may not be read
        where = f"\n  where: {error.filename}" if error.filename else ""
        _fail(f"{error.strerror or error}{where}\n  next:  make room or give access, or work elsewhere", 1)


def _fail(text: str, code: int) -> NoReturn:
    with contextlib.suppress(OSError):  # nobody may be there to read it
        click.echo(click.style("error:", fg="red", bold=True) + f" {text}", err=True)
    sys.exit(code)
