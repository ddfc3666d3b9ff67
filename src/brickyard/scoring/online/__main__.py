"""A scoring process of an endpoint: `python -m brickyard.scoring.online MODEL --socket-fd N`.

The parent gives a listening socket and a pipe as standard input. One line on standard output says how loading
went. When the pipe closes the parent is gone, and the process ends at once, so none is left behind.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import os
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from typing import NoReturn, TextIO

from brickyard.errors import BrickyardError
from brickyard.scoring.threads import cap_threads

__all__ = ["end_with", "main", "serve_model"]

# As long as an endpoint waits for an answer.
_REQUEST_SECONDS = 300.0


def main() -> int:
    """Load, say so, serve."""
    parser = argparse.ArgumentParser(prog="brickyard.scoring.online")
    parser.add_argument("model", help="directory of the model")
    parser.add_argument("--socket-fd", type=int, required=True, help="file descriptor of a listening socket")
    arguments = parser.parse_args()
    return serve_model(arguments.model, arguments.socket_fd)


def serve_model(directory: str, descriptor: int) -> int:
    """Load a model, say so, and serve it on a listening socket until a signal; the exit code of the process."""
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    say = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    cap_threads()
    from brickyard.scoring.model import load_model
    from brickyard.scoring.online.limits import Limits
    from brickyard.scoring.online.server import serve

    try:
        model = load_model(directory)
    except BrickyardError as error:
        traceback.print_exc()  # for the log of the model
        _tell(say, {"state": "failed", "message": error.message})
        return error.exit_code
    ready = {"state": "ready", "rung": model.rung, "run_id": model.run_id}
    limits = Limits(request_seconds=_REQUEST_SECONDS)
    serve(model, socket.socket(fileno=descriptor), limits=limits, on_ready=lambda: _tell(say, ready))
    return 0


def end_with(run: Callable[[], int]) -> NoReturn:
    """End this process with the code that `run` answers; Python would wait for predictions that hang."""
    code = 1
    try:
        code = run()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            logging.shutdown()
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):  # the model may have closed it
                stream.flush()
        os._exit(code)


def _end_with_parent() -> None:
    while os.read(0, 4096):
        pass
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)  # with what the model has started
    os._exit(0)


def _tell(stream: TextIO, report: Mapping[str, object]) -> None:
    stream.write(json.dumps(report) + "\n")
    stream.flush()


if __name__ == "__main__":
    end_with(main)
