"""Running `brickyard` commands as a user would, and showing them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from brickyard.errors import BrickyardError

__all__ = ["CommandFailed", "Shell"]

_FOREIGN = ("DATABRICKS_", "MLFLOW_", "SPARK_", "BUNDLE_VAR_")


class CommandFailed(BrickyardError):
    """A command of a longer procedure ended otherwise than it should."""


class Shell:
    """Shows each command, runs it in the project's directory, and checks how it ended.

    Args:
        directory: Where the commands run.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        # Settings of other workspaces in the user's shell must not leak into the procedure.
        self._environ = {k: v for k, v in os.environ.items() if not k.startswith(_FOREIGN)}

    def heading(self, number: int, text: str) -> None:
        """Announce a part of the procedure."""
        click.echo()
        click.echo(click.style(f"{number}. {text}", bold=True))

    def run(self, *arguments: str, expect: Sequence[int] = (0,)) -> int:
        """Run a command with its output shown.

        Args:
            arguments: What comes after `brickyard`.
            expect: The exit codes with which the procedure goes on.

        Raises:
            CommandFailed: It ended with another code.
        """
        self.show("brickyard " + " ".join(_quoted(argument) for argument in arguments))
        begin = time.monotonic()
        done = subprocess.run(self._command(arguments), cwd=self.directory, env=self._environ, check=False)
        self._check(arguments, done.returncode, expect)
        note = f", exit code {done.returncode} as it should be" if done.returncode else ""
        click.echo(click.style(f"  ({time.monotonic() - begin:.1f} s{note})", dim=True))
        return done.returncode

    def read(self, *arguments: str) -> Any:
        """Run a command with `-o json` and give its answer; nothing is shown."""
        command = self._command((*arguments, "-o", "json"))
        done = subprocess.run(
            command, cwd=self.directory, env=self._environ, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            click.echo(done.stderr, err=True)
        self._check(arguments, done.returncode, (0,))
        return json.loads(done.stdout)

    def show(self, line: str) -> None:
        """Show a command line."""
        click.echo(click.style(f"\n  $ {line}", fg="cyan"))

    def _command(self, arguments: Sequence[str]) -> list[str]:
        return [sys.executable, "-m", "brickyard", *arguments]

    def _check(self, arguments: Sequence[str], code: int, expect: Sequence[int]) -> None:
        if code not in expect:
            wanted = " or ".join(map(str, expect))
            raise CommandFailed(
                f"`brickyard {' '.join(arguments)}` ended with exit code {code}, expected {wanted}",
                where=str(self.directory),
                next="its words are above; mend that, then run `brickyard demo` again: what is done is kept",
            )


def _quoted(argument: str) -> str:
    return f'"{argument}"' if " " in argument else argument
