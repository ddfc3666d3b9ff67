"""The memory of this machine: how much there is, how much tasks use, and what they may use.

One thread looks while tasks run. What there is left is asked for often, which costs nothing; what each task uses only
when so much has gone since that one of them could be over the limit, and every few seconds.
"""

from __future__ import annotations

import logging
import os
import re
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from brickyard.workspace.compute import endings
from brickyard.workspace.compute.client import Exit
from brickyard.workspace.compute.tasks import TaskHandle

__all__ = ["LIMIT", "EngineMemory", "Machine", "MemoryWatch", "Usage", "machine", "used_by"]

_log = logging.getLogger(__name__)
#: The variable with what a task may use: a share of the machine (`75%`) or a size (`3g`).
LIMIT = "BRICKYARD_TASK_MEMORY"
_DEFAULT = "75%"
_SIZES = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_CGROUP = Path("/sys/fs/cgroup")
#: What a task that has just been started will use, at least: an interpreter and a Spark engine.
_EXPECTED = 256 << 20
_LOOK_SECONDS, _COUNT_SECONDS = 0.2, 3.0
#: With less than this share of the machine left, the largest task ends, if it is larger than the other share.
_LEFT, _LARGE = 0.03, 0.2


@dataclass(frozen=True)
class Machine:
    """The memory of the machine, or of the container, in bytes.

    Attributes:
        total: All of it.
        available: What programs can still be given.
    """

    total: int
    available: int


#: What the trees of these processes use, for each tree; exactly (slow), or with what processes share counted for each.
Usage = Callable[[Iterable[Iterable[int]], bool], list[int]]


def machine() -> Machine:
    """The memory as it is now; of a container with a limit, the container's."""
    import psutil

    memory = psutil.virtual_memory()
    try:
        limit = int((_CGROUP / "memory.max").read_text())
        used = int((_CGROUP / "memory.current").read_text())
        cached = re.search(r"^inactive_file (\d+)", (_CGROUP / "memory.stat").read_text(), re.MULTILINE)
    except (OSError, ValueError):  # no container, or one without a limit (`max`)
        return Machine(memory.total, memory.available)
    left = limit - used + (int(cached[1]) if cached else 0)
    return Machine(min(memory.total, limit), max(0, min(memory.available, left)))


def used_by(trees: Iterable[Iterable[int]], exactly: bool) -> list[int]:
    """What processes and all that they have started use, for each tree of the given roots."""
    import psutil

    children: dict[int, list[psutil.Process]] = {}
    known = {}
    for process in psutil.process_iter(["ppid"]):
        children.setdefault(process.info["ppid"], []).append(process)
        known[process.pid] = process

    def size(pid: int) -> int:
        own = _size(known[pid], exactly) if pid in known else 0
        return own + sum(size(child.pid) for child in children.get(pid, ()))

    def forked(pids: Sequence[int]) -> list[int]:
        """Without those that have ended and whose number another process has now: all have one parent."""
        parents = [known[pid].info["ppid"] if pid in known else None for pid in pids]
        return [pid for pid, parent in zip(pids, parents, strict=True) if parent is not None and parent == parents[0]]

    return [sum(map(size, forked(list(roots)))) for roots in trees]


def _size(process: object, exactly: bool) -> int:
    import psutil

    assert isinstance(process, psutil.Process)
    try:
        if not exactly:
            return int(process.memory_info().rss)
        full = process.memory_full_info()
        return int(getattr(full, "pss", full.uss))
    except psutil.Error:  # it has ended
        return 0


class MemoryWatch:
    """Ends tasks that use more memory than they may, and says how many more there is room for.

    Args:
        end: Ends a task at once, for the given reason.
        look: What there is.
        usage: What tasks use.
    """

    def __init__(
        self, end: Callable[[TaskHandle, str], None], look: Callable[[], Machine] = machine, usage: Usage = used_by
    ) -> None:
        self._end, self._machine, self._usage = end, look, usage
        self._used: dict[TaskHandle, int] = {}
        self._engines: set[EngineMemory] = set()
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._enough = 0  # with this much available, no task can have come over the limit since they were counted
        #: What a task may use, in bytes.
        self.limit = _limit(look().total)
        #: Called while tasks run, so that who waits for memory looks again.
        self.tick: Callable[[], None] = lambda: None

    def room(self, held: int) -> int:
        """How many more tasks memory allows, when so many hold places already; one may always run."""
        with self._lock:
            used = list(self._used.values())
        expected = sum(max(0, _EXPECTED - one) for one in used) + _EXPECTED * max(0, held - len(used))
        return max(0 if held else 1, (self._machine().available - expected) // _EXPECTED)

    def add(self, handle: TaskHandle) -> None:
        """Watch a task until its end."""
        with self._lock:
            self._used[handle] = 0
            self._begin()
        handle.when_done(lambda outcome: self._remove(handle))

    def add_engine(self, engine: EngineMemory) -> None:
        """Watch an engine that tasks share."""
        with self._lock:
            self._engines.add(engine)
            self._begin()

    def forget_engine(self, engine: EngineMemory) -> None:
        """Watch it no more."""
        with self._lock:
            self._engines.discard(engine)
            self._wake_if_idle()

    def _begin(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="memory", daemon=True)
            self._thread.start()

    def _wake_if_idle(self) -> None:
        if not self._used and not self._engines:
            self._wake.set()

    def _remove(self, handle: TaskHandle) -> None:
        with self._lock:
            self._used.pop(handle, None)
            self._wake_if_idle()

    def _run(self) -> None:
        """Look until no task and no engine is left."""
        seconds = 0.0
        while True:
            self._wake.wait(_LOOK_SECONDS)
            with self._lock:
                if not self._used and not self._engines:
                    self._thread = None
                    self._wake.clear()
                    return
                self._wake.clear()
            seconds += _LOOK_SECONDS
            try:
                now = self._machine()
                if seconds >= _COUNT_SECONDS or now.available < self._enough:
                    seconds = 0.0
                    self.count(now)
                self.tick()
            except Exception:  # whatever could not be looked at this time, the next time may do
                _log.exception("the memory of tasks could not be looked at")

    def count(self, now: Machine) -> None:
        """Count what tasks use, and end those that use too much."""
        handles = list(self._used)
        used = dict(zip(handles, self._usage([one.pids for one in handles], False), strict=True))
        with self._lock:
            self._used.update((handle, size) for handle, size in used.items() if handle in self._used)
        limit, largest = self.limit, max(used, key=lambda one: used[one], default=None)
        for handle, size in used.items():
            if size > limit and (exact := self._usage([handle.pids], True)[0]) > limit:
                self._end(handle, endings.out_of_memory(exact, f"a task may use {endings.shown(limit)} ({LIMIT})"))
            elif handle is largest and now.available < _LEFT * now.total and size > _LARGE * now.total:
                left = f"only {endings.shown(now.available)} were left on this machine"
                self._end(handle, endings.out_of_memory(size, left))
        engines = self._count_engines(limit)
        room = limit - max([*used.values(), *engines], default=0)
        self._enough = max(now.available - max(room, 0) // 2, int(_LEFT * now.total))

    def _count_engines(self, limit: int) -> list[int]:
        """What shared engines use; those over the limit end, and who uses them is told so by their cluster."""
        if not (engines := list(self._engines)):
            return []
        used = self._usage([one.pids for one in engines], False)
        for engine, size in zip(engines, used, strict=True):
            if size > limit and (exact := self._usage([engine.pids], True)[0]) > limit:
                _log.warning("a Spark engine that uses %s ends: it may use %s", *map(endings.shown, (exact, limit)))
                engine.kill()
        return used


class EngineMemory:
    """What a Spark engine that tasks share uses.

    Args:
        watch: Watches it from now on.
        over: Called when it has ended.

    Attributes:
        pids: Its processes; those of sessions come and go.
        kill: Ends it.
    """

    def __init__(self, watch: MemoryWatch, over: Callable[[Exit], None]) -> None:
        self.pids: list[int] = []
        self.kill: Callable[[], None] = lambda: None
        self._watch, self._over = watch, over
        watch.add_engine(self)

    def ended(self, end: Exit) -> None:
        """It has ended."""
        self.forget()
        self._over(end)

    def forget(self) -> None:
        """It is not watched any more."""
        self._watch.forget_engine(self)


def _limit(total: int) -> int:
    """What a task may use on a machine with so much memory; what cannot be read is said in the log, and not used."""
    try:
        return _size_of(os.environ.get(LIMIT) or _DEFAULT, total)
    except ValueError as error:
        _log.error("%s; it is %s", error, _DEFAULT)
        return _size_of(_DEFAULT, total)


def _size_of(text: str, total: int) -> int:
    """A share of the whole, or a size with a unit.

    Raises:
        ValueError: It is neither.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(%|[kmgt]?)(?:i?b)?", text.strip().lower())
    if match is None:
        raise ValueError(f"{LIMIT} must be a share of the memory, like 75%, or a size, like 3g, not {text!r}")
    number = float(match[1])
    return int(total * number / 100) if match[2] == "%" else int(number * _SIZES[match[2]])
