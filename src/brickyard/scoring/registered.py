"""A registered version as a model: by its kept plan without its files, where its plan is known; else by its files.

Files of a version never change, so what was once found of them holds: their digest is kept beside the plans, under
the version's name, its number, its run and the moment of its creation (a name that was deleted may come again). A plan
that is not known yet is made by a process of its own, so that of MLflow and the model's library nothing stays in
memory, and what else a run needs is done meanwhile.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from brickyard.scoring.building import Build
from brickyard.scoring.model import ScoringModel, kept_model, load_model
from brickyard.scoring.source import fetch_version, model_directory

if TYPE_CHECKING:
    from brickyard.plan.connect import Connection
    from brickyard.scoring.source import ModelSource

__all__ = ["loading_version"]

_DIGEST = re.compile(r"[0-9a-f]{64}")
_MOST_KEPT = 1000


@contextmanager
def loading_version(source: ModelSource, connection: Connection) -> Iterator[Callable[[], ScoringModel]]:
    """Begin to load a version; the block gets what waits for it.

    Where its plan is kept, its files are fetched only if a row needs more than the plan. What waits raises ModelError
    where its files cannot be had, or not loaded.
    """
    path = _path(source, connection.host)
    known = _read(path)
    model = kept_model(lambda: fetch_version(source, connection), known) if known and _DIGEST.fullmatch(known) else None
    if model is not None:
        yield lambda: model
    elif path is None or known == _no_plan() or _at_hand():
        yield lambda: _load(fetch_version(source, connection), path)
    else:
        build = Build(source, connection, model_directory() / "files")
        try:
            yield lambda: _built(build, source, connection, path)
        finally:
            build.close()


def _at_hand() -> bool:
    """Whether MLflow is in memory already, so that a process of its own would save nothing."""
    return "mlflow" in sys.modules


def _built(build: Build, source: ModelSource, connection: Connection, path: Path) -> ScoringModel:
    """The model by the plan that was made; whatever the process could not do is done here, and fails here."""
    built = build.result()
    model = kept_model(built.files, built.digest) if built and built.digest else None
    if built is None or built.digest is None or model is None:
        return _load(built.files if built else fetch_version(source, connection), path)
    _keep(path, built.digest)
    return model


def _load(files: Path, path: Path | None) -> ScoringModel:
    model = load_model(files)
    if path is not None:
        _keep(path, model.digest if model.rung == "plan" else _no_plan())
    return model


def _no_plan() -> str:
    """What is kept of a version without a plan; other code or libraries may make one."""
    from brickyard.scoring.plan.cache import plan_key

    return f"no plan {plan_key('')}"


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
    """What is known of a version: its digest, or that it has no plan."""
    if path is None:
        return None
    try:
        return path.read_text(encoding="ascii")
    except (OSError, ValueError):
        return None


def _keep(path: Path, text: str) -> None:
    """Keep what is known of a version; where it cannot be, the next run finds out again."""
    from brickyard.scoring.plan.cache import forget
    from brickyard.scoring.plan.files import write_whole

    with contextlib.suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(path, text.encode())
        forget(path.parent.iterdir(), _MOST_KEPT)
