"""The `brickyard` command itself: what it says to somebody who is new, or mistypes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from brickyard.cli.main import cli


def _call(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "brickyard", *arguments]
    return subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, check=False, env={**os.environ, "COLUMNS": "80"}
    )


def test_a_mistyped_command_names_the_nearest(tmp_path: Path) -> None:
    done = _call("deply", cwd=tmp_path)
    assert done.returncode == 2
    assert "did you mean 'deploy'?" in done.stderr


def test_no_room_for_the_answer_is_said_in_one_line(tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "brickyard", "--help"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 1 and done.stderr.startswith("error: No space left on device")


def test_somebody_new_is_told_where_to_begin(tmp_path: Path) -> None:
    assert "brickyard demo" in _call("--help", cwd=tmp_path).stdout.partition("First time here?")[2]


def test_output_that_is_not_a_terminal_has_no_colours(tmp_path: Path) -> None:
    done = _call("validate", cwd=tmp_path)
    assert done.returncode != 0
    assert done.stderr.startswith("error: ")


def _commands(group: click.Group, *way: str) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    with click.Context(group) as context:
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            found.append((*way, name))
            if isinstance(command, click.Group):
                found += _commands(command, *way, name)
    return found


@pytest.mark.parametrize("way", _commands(cli), ids=" ".join)
def test_every_command_has_help_that_fits_a_terminal_and_is_not_cut(way: tuple[str, ...]) -> None:
    command: click.Command | None = cli
    context = click.Context(cli, info_name="brickyard", terminal_width=80)
    for name in way:
        assert isinstance(command, click.Group)
        command = command.get_command(context, name)
        assert command is not None
        context = click.Context(command, info_name=name, parent=context, terminal_width=80)
    text = command.get_help(context)
    assert max(map(len, text.splitlines())) <= 80
    assert "..." not in text.partition("Commands:")[2]
    assert all(option.help for option in command.params if isinstance(option, click.Option))
    assert not re.search(r"\n  None", text)
