"""Which interpreter a task runs in: the one that was forked, or a fresh one where its libraries replace what that has.

A module that is imported stays what it is. So where the libraries of a task have another version of something that the
fork server imports before any task, the task's process becomes a new interpreter (`exec`), whose path has these
libraries first. It is the same process, with the same pipes, parent and limits.
"""

from __future__ import annotations

import io
import json
import os
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from brickyard.runtime.journal import Journal, memory_file
from brickyard.workspace.compute import worker
from brickyard.workspace.compute.channel import Channel, Message
from brickyard.workspace.compute.children import OutputPipe
from brickyard.workspace.compute.requirements import differing

__all__ = ["become", "resume", "run", "run_sail"]


def run(message: Message, channel: Channel, output: OutputPipe) -> int:
    """Execute a task in this process, as `worker.run`; in a fresh interpreter where it needs one."""
    if _needs_fresh(message):
        become(message, channel, output.reader, output.writer, output.journal.file.fileno())
    return worker.run(message, channel, output)


def run_sail(message: Message, channel: Channel, output: int) -> int:
    """Be a Sail, as `worker.run_sail`; in a fresh interpreter where the functions of its session need one."""
    if _needs_fresh(message):
        become(message, channel, output)
    return worker.run_sail(message, channel, output)


def become(message: Message, channel: Channel, *output: int) -> NoReturn:
    """Become a new interpreter that does what the message says.

    Args:
        message: What a forked process would do.
        channel: The conversation with the fork server.
        output: Descriptors of what the output goes through: for `resume`.
    """
    with memory_file() as file:
        file.write(json.dumps(message).encode())
        inherited = (file.fileno(), channel.fileno(), *output)
        for number in inherited:
            os.set_inheritable(number, True)
        os.chdir("/")
        command = [sys.executable, "-m", "brickyard.workspace.fresh", *map(str, inherited)]
        os.execve(sys.executable, command, _environment(message["environ"]))


def resume(message: Message, channel: int, *output: int) -> int:
    """Do what the message says in this new interpreter, with what `become` has handed over."""
    for number in (channel, *output):
        os.set_inheritable(number, False)
    conversation = Channel(socket.socket(fileno=channel))
    if message["do"] == "sail":
        return worker.run_sail(message, conversation, *output)
    reader, writer, memory = output
    parts = (reader, writer, Journal(io.FileIO(memory, "r+b")))
    return worker.run(message, conversation, OutputPipe(Path(message["task"]["directory"]), (), parts))


def _needs_fresh(message: Message) -> bool:
    return bool(differing(entry for entry in message["search_path"] if entry not in sys.path))


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The task's variables but those that change how an interpreter starts; its own processes see them later."""
    return {name: value for name, value in environ.items() if not name.startswith("PYTHON")}
