"""Which interpreter a task runs in: the one that was forked, or a fresh one where its libraries replace what that has.

A module that is imported stays what it is. So where the libraries of a task have another version of something that the
fork server imports before any task, the task's process becomes a new interpreter (`exec`), whose path has these
libraries first. It is the same process, with the same pipes, parent and limits.
"""

from __future__ import annotations

import io
import os
import socket
import sys
from pathlib import Path

from brickyard.runtime.journal import Journal
from brickyard.workspace.compute import worker
from brickyard.workspace.compute.channel import Channel, Message
from brickyard.workspace.compute.children import OutputPipe
from brickyard.workspace.compute.replacement import become
from brickyard.workspace.compute.requirements import differing

__all__ = ["resume", "run", "run_sail"]


def run(message: Message, channel: Channel, output: OutputPipe) -> int:
    """Execute a task in this process, as `worker.run`; in a fresh interpreter where it needs one."""
    try:
        if _needs_fresh(message):
            become(message, channel, output.writer, output.reader, output.journal.file.fileno())
        return worker.run(message, channel, output)
    except Exception as error:
        return worker.not_started(message, error)


def run_sail(message: Message, channel: Channel, output: int) -> int:
    """Be a Sail, as `worker.run_sail`; in a fresh interpreter where the functions of its session need one."""
    try:
        if _needs_fresh(message):
            become(message, channel, output)
    except Exception as error:
        channel.send({"error": f"no process could be started: {error}"})
        return 1
    return worker.run_sail(message, channel, output)


def resume(message: Message, channel: int, writer: int, *behind: int) -> int:
    """Do what the message says in this new interpreter, with what `become` has handed over."""
    for number in (channel, writer, *behind):
        os.set_inheritable(number, False)
    conversation = Channel(socket.socket(fileno=channel))
    if message["do"] == "sail":
        return worker.run_sail(message, conversation, writer)
    reader, memory = behind
    parts = (reader, writer, Journal(io.FileIO(memory, "r+b")))
    try:
        return worker.run(message, conversation, OutputPipe(Path(message["task"]["directory"]), (), parts))
    except Exception as error:
        return worker.not_started(message, error)


def _needs_fresh(message: Message) -> bool:
    return bool(differing(entry for entry in message["search_path"] if entry not in sys.path))
