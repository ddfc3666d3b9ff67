"""The beginning of an interpreter of a task's own, whose path has the task's libraries before the workspace's packages.

`python -m brickyard.workspace.fresh FD...` is given, by a process that has become this one, a file with the task, the
conversation with the fork server, and what its output goes through. Nothing but the standard library, and modules that
need no more, may be imported before the path is set.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import socket
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from brickyard.runtime.journal import Journal
from brickyard.runtime.output import OutputFile, OutputPump
from brickyard.runtime.redaction import Redactor
from brickyard.workspace.ending import end_with

__all__ = ["main"]


def main(arguments: list[str]) -> int:
    """Execute the task; the exit code says whether it succeeded."""
    task, channel, *output = map(int, arguments)
    with io.FileIO(task) as file:
        file.seek(0)
        message = json.load(file)
    os.environ.update(message["environ"])
    first = next((at for at, one in enumerate(sys.path) if one.endswith("site-packages")), len(sys.path))
    sys.path[first:first] = message["search_path"]  # not before the standard library, which the runtime needs
    with _written(message, *output[1:]):
        try:
            from brickyard.workspace.compute import interpreters  # with Spark, pandas and what else the runtime needs
        except (Exception, SystemExit) as error:
            return _unusable(message, channel, error)
    return interpreters.resume(message, channel, *output)


@contextlib.contextmanager
def _written(message: dict[str, Any], *behind: int) -> Iterator[None]:
    """What is printed meanwhile goes to the task's output; of Sail's, others take care."""
    if not behind:
        yield
        return
    reader, memory = behind
    file = OutputFile(Path(message["task"]["directory"]) / "output.log", Redactor(message["secrets"]))
    with contextlib.closing(Journal(io.FileIO(memory, "r+b", closefd=False))) as journal:
        pump = OutputPump(reader, file, journal)
        try:
            yield
            for stream in (sys.stdout, sys.stderr):
                stream.flush()
        finally:
            pump.close()


def _unusable(message: dict[str, Any], channel: int, error: BaseException) -> int:
    """Say that the runtime cannot be imported with the versions that the task asks for."""
    why = (
        "Library installation failed for library due to user error. Error messages:\nthe runtime cannot be imported "
        f"with the versions of the task's libraries: {type(error).__name__}: {error}. Ask for other versions"
    )
    if message["do"] == "sail":
        socket.socket(fileno=channel).sendall(json.dumps({"error": why}).encode() + b"\n")
        return 1
    outcome = {
        "state": "FAILED",
        "message": why,
        "error": why,
        "error_trace": "".join(traceback.format_exception(error)),
        "code": "LIBRARY_INSTALLATION_ERROR",
    }
    directory = Path(message["task"]["directory"])
    temporary = directory / ".result.json.fresh"
    temporary.write_text(json.dumps(Redactor(message["secrets"]).redact_all(outcome)))
    temporary.replace(directory / "result.json")
    return 1


if __name__ == "__main__":
    end_with(lambda: main(sys.argv[1:]))
