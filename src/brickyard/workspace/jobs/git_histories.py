"""What was fetched of the repositories of jobs: kept so that a commit is fetched once, and for the repairs of runs.

A history has a mark for every run that may still need it: one that is active, or did not end well. It goes when a run
that used it is deleted and no job has the repository any more, or nothing has used it for 60 days, or there are too
many, but never while it has a mark.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["GitHistories"]

_MARKS = "brickyard-runs"
_MOST = 50
_SECONDS = 60 * 24 * 3600  # for as long the service keeps runs
_GONE = ".gone"


class GitHistories:
    """The histories of repositories, of each principal its own: another one may not be allowed to read the repository.

    Args:
        root: Where they are.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock = threading.Lock()
        self._locks: defaultdict[Path, threading.Lock] = defaultdict(threading.Lock)

    @contextmanager
    def hold(self, url: str, principal_id: int, run_id: int) -> Iterator[Path]:
        """The directory of a history, for a run to fetch into; nobody else does, and it stays until `leave`."""
        history = self._directory(url, principal_id)
        with self._lock_of(history):
            marks = history / _MARKS
            marks.mkdir(parents=True, exist_ok=True)
            (marks / str(run_id)).touch()
            os.utime(history)
            yield history

    def leave(self, run_id: int) -> None:
        """A run needs its history no more; too many histories, and old ones, go."""
        for mark in self._root.glob(f"*/{_MARKS}/{run_id}"):
            mark.unlink(missing_ok=True)
        self.prune()

    def forget(self, url: str, principal_id: int | None, run_id: int) -> None:
        """A run is deleted: what it has used goes, where no other run may need it."""
        used = {mark.parents[1] for mark in self._root.glob(f"*/{_MARKS}/{run_id}")}
        if principal_id is not None:
            used.add(self._directory(url, principal_id))
        self.leave(run_id)
        for history in used:
            self._remove(history)

    def prune(self) -> None:
        """Remove what nothing has used for long, and the longest unused of too many."""
        if not self._root.is_dir():
            return
        for left in self._root.glob(f"*{_GONE}"):  # by a kill
            shutil.rmtree(left, ignore_errors=True)
        newest = sorted(self._root.iterdir(), key=_used_at, reverse=True)
        oldest = time.time() - _SECONDS
        for place, history in enumerate(newest):
            if place >= _MOST or _used_at(history) < oldest:
                self._remove(history)

    def _directory(self, url: str, principal_id: int) -> Path:
        return self._root / hashlib.sha256(f"{principal_id} {url}".encode()).hexdigest()[:32]

    def _lock_of(self, history: Path) -> threading.Lock:
        with self._lock:
            return self._locks[history]

    def _remove(self, history: Path) -> None:
        """Remove a history that no run needs, whole or not at all."""
        lock = self._lock_of(history)
        if not lock.acquire(blocking=False):  # a run fetches into it
            return
        try:
            oldest = time.time() - _SECONDS
            if history.is_dir() and all(_used_at(mark) < oldest for mark in (history / _MARKS).glob("*")):
                gone = history.rename(history.with_name(f"{history.name}{_GONE}"))
                shutil.rmtree(gone, ignore_errors=True)
        finally:
            lock.release()


def _used_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:  # removed meanwhile
        return 0.0
