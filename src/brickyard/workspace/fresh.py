"""The beginning of an interpreter of a task's own, whose path has the task's libraries before the workspace's packages.

`python -m brickyard.workspace.fresh FD...` is given, by a process that has become this one, a file with the task, the
conversation with the fork server, and what its output goes through. Nothing but the standard library may be imported
before the path is set.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any

__all__ = ["main"]


def main(arguments: list[str]) -> int:
    """Execute the task; the exit code says whether it succeeded."""
    task, channel, *output = map(int, arguments)
    with io.FileIO(task) as file:
        file.seek(0)
        message = json.load(file)
    first = next((at for at, one in enumerate(sys.path) if one.endswith("site-packages")), len(sys.path))
    sys.path[first:first] = message["search_path"]  # not before the standard library, which the runtime needs
    try:
        from brickyard.workspace.compute import interpreters  # with Spark, pandas and what else the runtime needs
    except Exception as error:
        if message["do"] == "sail":
            raise
        return _unusable(message, error)
    return interpreters.resume(message, channel, *output)


def _unusable(message: dict[str, Any], error: Exception) -> int:
    """Say that the runtime cannot be imported with the versions that the task asks for."""
    directory = Path(message["task"]["directory"])
    why = (
        "Library installation failed for library due to user error. Error messages:\nthe runtime cannot be imported "
        f"with the versions of the task's libraries: {type(error).__name__}: {error}. Ask for other versions"
    )
    trace = "".join(traceback.format_exception(error))
    for secret in message["secrets"]:
        why, trace = why.replace(secret, "[REDACTED]"), trace.replace(secret, "[REDACTED]")
    outcome = {
        "state": "FAILED",
        "message": why,
        "error": why,
        "error_trace": trace,
        "code": "LIBRARY_INSTALLATION_ERROR",
    }
    temporary = directory / ".result.json.fresh"
    temporary.write_text(json.dumps(outcome))
    temporary.replace(directory / "result.json")
    return 1


if __name__ == "__main__":
    code = 1
    try:
        code = main(sys.argv[1:])
    except BaseException:  # not the user's code: what keeps its outcome from being written
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):  # the user's code may have closed it
            sys.stderr.flush()
        os._exit(code)
