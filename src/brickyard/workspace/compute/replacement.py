"""Becoming another interpreter, in the same process: with the same pipes, parent and limits."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from typing import NoReturn

from brickyard.runtime.journal import memory_file
from brickyard.workspace.compute.channel import Channel, Message
from brickyard.workspace.compute.requirements import preloaded

__all__ = ["become"]


def become(message: Message, channel: Channel, *output: int) -> NoReturn:
    """Become a new interpreter that does what the message says.

    Args:
        message: What a forked process would do.
        channel: The conversation with the fork server.
        output: Descriptors of what the output goes through: for `resume`.
    """
    with memory_file() as file:
        file.write(json.dumps(message if "preloaded" in message else message | {"preloaded": preloaded()}).encode())
        inherited = (file.fileno(), channel.fileno(), *output)
        for number in inherited:
            os.set_inheritable(number, True)
        os.chdir("/")
        command = [sys.executable, "-m", "brickyard.workspace.fresh", *map(str, inherited)]
        os.execve(sys.executable, command, _environment(message["environ"]))


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The task's variables but those that change how an interpreter starts; its own processes see them later."""
    return {name: value for name, value in environ.items() if not name.startswith("PYTHON")}
