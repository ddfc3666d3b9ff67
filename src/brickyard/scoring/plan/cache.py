"""Verified plans, kept for the next start, which then needs neither pandas nor scikit-learn nor MLflow.

They are in a directory of the user (`BRICKYARD_PLAN_CACHE`, else `brickyard/plans` in the user's cache directory), not
beside the model, whose files stay as they were registered. The key is of the content of the model's files, the kernel
version, and the versions of every library whose results a plan was compared with; any other plan is not found.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import logging
import os
import platform
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from brickyard.scoring.plan.files import PlanFileError, read, write
from brickyard.scoring.plan.kernels import kernel
from brickyard.scoring.plan.plan import Plan
from brickyard.scoring.plan.steps import KERNEL_VERSION

__all__ = ["cache_directory", "find_plan", "forget", "keep_plan", "plan_key"]

_log = logging.getLogger(__name__)
_MOST_KEPT = 100
_LIBRARIES = ("numpy", "scipy", "pandas", "scikit-learn", "lightgbm", "xgboost", "xgboost-cpu", "mlflow", "joblib")


def cache_directory() -> Path:
    """Where plans are kept."""
    chosen = os.environ.get("BRICKYARD_PLAN_CACHE")
    if chosen:
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "brickyard" / "plans"


def find_plan(digest: str) -> tuple[Plan, Mapping[str, Any]] | None:
    """Return the kept plan of a model and what is known of the model; None where there is none that fits.

    Args:
        digest: The content hash of the model's files.
    """
    key = plan_key(digest)
    try:
        path = _path(key)
        plan, about = read(path)
    except FileNotFoundError:
        return None
    except (OSError, PlanFileError, RuntimeError) as error:  # the last: there is no home directory
        _log.warning("the plan is made anew: %s", error)
        return None
    if not isinstance(about, dict) or about.get("key") != key:
        return None
    with contextlib.suppress(OSError):
        os.utime(path)  # used last: not the next to go
    return plan, about


def keep_plan(plan: Plan, digest: str, about: Mapping[str, Any]) -> None:
    """Keep a verified plan; where it cannot be written, the next start verifies again."""
    key = plan_key(digest)
    try:
        cache_directory().mkdir(mode=0o700, parents=True, exist_ok=True)
        write(plan, _path(key), {**about, "key": key})
        forget(cache_directory().glob("*.plan"), _MOST_KEPT)
    except (OSError, RuntimeError, TypeError, ValueError) as error:
        _log.info("the plan is not kept for the next start: %s", error)


def forget(paths: Iterable[Path], most: int) -> None:
    """Delete the files that were used longest ago, beyond so many."""
    for path in sorted(paths, key=lambda path: path.stat().st_mtime, reverse=True)[most:]:
        path.unlink(missing_ok=True)


def _path(key: str) -> Path:
    return cache_directory() / f"{key}.plan"


def plan_key(digest: str) -> str:
    """The key of a model's plan here, with this code and these libraries."""
    made_with = {name: _version(name) for name in _LIBRARIES}
    machine = [platform.machine(), platform.python_version()]
    text = json.dumps([digest, KERNEL_VERSION, _sources(), kernel().name, made_with, *machine])
    return hashlib.sha256(text.encode()).hexdigest()


@functools.cache
def _sources() -> str:
    """The content of what makes, verifies and calls plans: one that other code has verified is not trusted."""
    digest = hashlib.sha256()
    directory = Path(__file__).parent
    for path in sorted([*directory.glob("*.py"), directory.parent / "columns.py", directory.parent / "scorer.py"]):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
