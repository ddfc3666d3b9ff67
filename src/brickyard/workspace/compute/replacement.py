"""Becoming another interpreter, in the same process: with the same pipes, parent and limits."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import NoReturn

from brickyard.runtime.journal import memory_file
from brickyard.workspace.compute.channel import Channel, Message
from brickyard.workspace.compute.requirements import preloaded

__all__ = ["become"]

#: With what the fork server was started: it is small enough to start an interpreter, whatever a task sets.
_BEGUN_WITH = dict(os.environ)


def become(message: Message, channel: Channel, writer: int, *behind: int) -> NoReturn:
    """Become a new interpreter that does what the message says.

    The task's variables are in the message, of any size; the interpreter starts with the fork server's.

    Args:
        message: What a forked process would do.
        channel: The conversation with the fork server.
        writer: Where it prints to.
        behind: Descriptors of what reads that, where this process does: for `resume`.

    Raises:
        OSError: The system does not start the interpreter; this process prints to `writer` then.
    """
    if "begun_with" not in message:
        message = message | {"preloaded": preloaded(), "begun_with": _BEGUN_WITH}
    with memory_file() as file, Path(os.devnull).open() as nothing:
        file.write(json.dumps(message).encode())
        for number, standard in ((nothing.fileno(), 0), (writer, 1), (writer, 2)):
            os.dup2(number, standard)
        inherited = (file.fileno(), channel.fileno(), writer, *behind)
        for number in inherited:
            os.set_inheritable(number, True)
        os.chdir("/")
        command = [sys.executable, "-m", "brickyard.workspace.fresh", *map(str, inherited)]
        os.execve(sys.executable, command, message["begun_with"])
