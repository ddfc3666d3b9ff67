"""Appends to one table take turns: engines that append at once can trip over each other's commits.

Sail fails now and then with "Missing commit file" where another commit is written while it reads the table's log again
after a conflict. Appends never conflict on Databricks, so nothing is lost by letting one end before the next begins.
"""

from __future__ import annotations

import fcntl
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["turn"]


@contextmanager
def turn(data: Path, place: Path) -> Iterator[None]:
    """Hold the turn of a table, among all engines of a workspace.

    Args:
        data: The workspace's data directory.
        place: Where the table is.
    """
    directory = data / ".staged" / ".turns"  # emptied when the workspace starts
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / hashlib.sha256(str(place).encode()).hexdigest()).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
