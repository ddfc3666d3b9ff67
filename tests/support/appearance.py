"""What the system shows of a forked process, to the process that lists it and to those that search the list."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

__all__ = ["ROOM", "show"]

#: A variable that leaves room in a process for what those forked from it will show.
ROOM = {"BRICKYARD_ROOM": "-" * 24_000}


def show(arguments: Sequence[str], environ: Mapping[str, str]) -> None:
    """Let the list of processes have this command line and these variables, as it has those of a program begun anew.

    Linux shows the memory in which a program was given them; elsewhere nothing is changed. Source: proc(5).

    Raises:
        ValueError: There is not enough room for them.
    """
    if not sys.platform.startswith("linux"):
        return
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    places = [int(field) for field in fields[45:49]]
    _write(places[0], places[1], arguments)
    _write(places[2], places[3], [f"{name}={value}" for name, value in environ.items()])


def _write(start: int, end: int, words: Sequence[str]) -> None:
    text = b"".join(os.fsencode(word) + b"\0" for word in words)
    if len(text) > end - start:
        raise ValueError(f"there is room for {end - start} bytes: {words}")
    ctypes.memmove(start, text.ljust(end - start, b"\0"), end - start)
