"""A registered version as a model: by its kept plan without its files, where its plan is known; else by its files.

Files of a version never change, so what was once found of them holds: their digest is kept beside the plans, under
the version's name, its number, its run and the moment of its creation (a name that was deleted may come again).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

from brickyard.scoring.model import ScoringModel, kept_model, load_model
from brickyard.scoring.source import fetch_version

if TYPE_CHECKING:
    from brickyard.plan.connect import Connection
    from brickyard.scoring.source import ModelSource

__all__ = ["load_version"]

_DIGEST = re.compile(r"[0-9a-f]{64}")
_MOST_KEPT = 1000


def load_version(source: ModelSource, connection: Connection) -> ScoringModel:
    """Load a version; where its plan is kept, its files are fetched only if a row needs more than the plan.

    Raises:
        ModelError: Its files cannot be had, or not loaded.
    """
    path = _path(source, connection.host)
    digest = _read(path)
    model = kept_model(lambda: fetch_version(source, connection), digest) if digest else None
    if model is None:
        model = load_model(fetch_version(source, connection))
        if path is not None and model.rung == "plan":
            _keep(path, model.digest)
    return model


def _path(source: ModelSource, host: str) -> Path | None:
    from brickyard.scoring.plan.cache import cache_directory

    if not source.created:
        return None
    about = json.dumps([host, source.name, source.version, source.run_id, source.created])
    try:
        return cache_directory() / "versions" / hashlib.sha256(about.encode()).hexdigest()
    except RuntimeError:  # there is no home directory
        return None


def _read(path: Path | None) -> str | None:
    """A version's digest, where it is known."""
    if path is None:
        return None
    try:
        text = path.read_text(encoding="ascii")
    except (OSError, ValueError):
        return None
    return text if _DIGEST.fullmatch(text) else None


def _keep(path: Path, digest: str) -> None:
    """Keep a version's digest; where it cannot be, the next run fetches the files."""
    from brickyard.scoring.plan.cache import forget
    from brickyard.scoring.plan.files import write_whole

    with contextlib.suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(path, digest.encode())
        forget(path.parent.iterdir(), _MOST_KEPT)
