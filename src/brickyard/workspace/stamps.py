"""What tells whether a table or files have changed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

__all__ = ["Stamp", "latest", "stamp_of"]

Stamp = tuple[Any, ...]


def latest(place: Path) -> int:
    """The number of a Delta table's last commit, -1 without any."""
    log = place / "_delta_log"
    if not log.is_dir():
        return -1
    with os.scandir(log) as files:
        stems = [file.name.removesuffix(".json") for file in files if file.name.endswith(".json")]
    return max((int(stem) for stem in stems if stem.isdigit()), default=-1)


def stamp_of(place: Path) -> Stamp:
    """A value that is another one once the table or the files have changed."""
    if (place / "_delta_log").is_dir():
        return ("delta", *_last_commit(place / "_delta_log", latest(place)))
    files = [place] if place.is_file() else sorted(place.rglob("*")) if place.is_dir() else []
    return tuple((str(file), file.stat().st_mtime_ns, file.stat().st_size) for file in files if file.is_file())


def _last_commit(log: Path, version: int) -> Stamp:
    """The version and when it was written: a table that is dropped and made again can have the same number."""
    file = log / f"{version:020d}.json"
    return (version, file.stat().st_mtime_ns, file.stat().st_ino) if file.exists() else (version,)
