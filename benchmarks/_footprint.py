"""What a workspace holds, per process and on disk, and how fast each of it grows.

Growth is the slope of a line through the samples of the later half of a run: what an allocator, a cache or a pool of
threads takes once, when it is first used, ends before that; what is kept for each session does not.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

Sample = dict[str, float]
_ENGINE_THREADS, _GATEWAY_THREADS = {"tokio-rt-worker"}, {"event_engine", "grpc_global_tim"}


@dataclass(frozen=True)
class Footprint:
    """Takes samples of one workspace.

    Args:
        pid: The workspace's server.
        root: The workspace's directory.
        temporary: The directory for temporary files of its processes.
    """

    pid: int
    root: Path
    temporary: Path

    def sample(self) -> Sample:
        """Memory, descriptors and threads by the name of a process, and files by where they are."""
        server = psutil.Process(self.pid)
        found: Sample = {}
        for process in [server, *server.children(recursive=True)]:
            for what, size in _of(process).items():
                key = f"{_name(process, server)} {what}"
                found[key] = found.get(key, 0) + size
        found["MB"] = sum(size for key, size in found.items() if key.endswith(" MB"))
        found["processes"] = sum(size for key, size in found.items() if key.endswith(" processes"))
        tables = {file for log in self.root.rglob("_delta_log") for file in log.parent.rglob("*")}
        found["files of tables"] = len(tables)
        found["files of the workspace"] = len(set(self.root.rglob("*")) - tables)
        found["temporary files"] = sum(1 for _ in self.temporary.rglob("*"))
        return found


def line(sample: Sample) -> str:
    """A sample for people."""
    return ", ".join(f"{key} {size:.1f}" if "MB" in key else f"{key} {size:.0f}" for key, size in sample.items())


def slope(samples: Sequence[tuple[int, Sample]], key: str) -> float:
    """How much something grows with every 100 sessions; the samples are with the session's number.

    >>> slope([(50, {"MB": 7}), (75, {"MB": 8}), (100, {"MB": 9})], "MB")
    4.0
    """
    numbers = [number for number, _ in samples]
    sizes = [sample.get(key, 0.0) for _, sample in samples]
    return 100 * statistics.linear_regression(numbers, sizes).slope


def halves(samples: Sequence[tuple[int, Sample]]) -> tuple[Sequence[tuple[int, Sample]], Sequence[tuple[int, Sample]]]:
    """The samples of the first half of the sessions and those of the later one; the one in the middle is in both."""
    middle = samples[-1][0] / 2
    return [each for each in samples if each[0] <= middle], [each for each in samples if each[0] >= middle]


def _of(process: psutil.Process) -> Sample:
    return {
        "processes": 1,
        "MB": _own(process),
        "descriptors": process.num_fds(),
        "threads": process.num_threads(),
    }


def _own(process: psutil.Process) -> float:
    """Memory in MB without that of files: pages of libraries count or not by who else on the machine has them too."""
    rollup = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
    sizes = dict(row.split(":", 1) for row in rollup.splitlines()[1:])
    return int(sizes["Pss_Anon"].split()[0]) * 1024 / 1e6


def _name(process: psutil.Process, server: psutil.Process) -> str:
    """What a process is to the workspace; those that the fork server forks have its name and differ by threads."""
    if process == server:
        return "server"
    if process.ppid() == server.pid:
        return "fork server"
    threads = {(task / "comm").read_text().strip() for task in Path(f"/proc/{process.pid}/task").iterdir()}
    if threads & _GATEWAY_THREADS:  # it may have those of an engine too, for Delta tables
        return "gateway"
    return "engine" if threads & _ENGINE_THREADS else "other"
