"""Many runs, undisturbed and with kills: none is stuck, none is untrue, and nothing is left or grows."""

from __future__ import annotations

import contextlib
import re
import statistics
import threading
from collections import Counter
from pathlib import Path

import psutil
import pytest

from tests.support import WorkspaceHome, wait_for
from tests.workspace.jobs.soak import Soak

EVERY = 50  # runs between two samples
LOOKS = 10  # in the second of one sample
CONNECTIONS = 16  # at most, to a workspace's database: one writes, a pool reads
#: More of each with every 100 runs of the later half: processes, descriptors, threads, MB of memory.
BARS = {"processes": 0.0, "descriptors": 0.5, "threads": 0.5, "MB": 3.0}


def sample(soak: Soak) -> dict[str, float]:
    """What the idle workspace holds at the least: what is just being closed is no leak, a leak is in every look."""
    looks, pause = [look(soak)], threading.Event()
    while len(looks) < LOOKS:
        pause.wait(0.1)
        looks.append(look(soak))
    return {what: min(one[what] for one in looks) for what in BARS}


def look(soak: Soak) -> dict[str, float]:
    """What its server and all that it started that is still there hold at this moment."""
    server = psutil.Process(soak.workspace.pid)
    tree = [server, *server.children(recursive=True)]
    return {
        "processes": len(tree),
        "descriptors": sum(len(files(one)) for one in tree),
        "threads": sum(one.num_threads() for one in tree),
        "MB": sum(_own(one) for one in tree),
    }


def files(process: psutil.Process) -> list[str]:
    """What its descriptors are of, but for connections to the workspace's database: a pool fills, and is bounded."""
    found = []
    for one in Path(f"/proc/{process.pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed since
            found.append(str(one.readlink()))
    connections = [one for one in found if re.search(r"workspace\.db(-wal)?$", one)]
    assert len(connections) <= 2 * CONNECTIONS, connections
    return [one for one in found if one not in connections]


def _own(process: psutil.Process) -> float:
    """Memory in MB without that of files and of pages shared with the process that it was forked from."""
    rollup = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
    sizes = dict(row.split(":", 1) for row in rollup.splitlines()[1:])
    return int(sizes["Pss_Anon"].split()[0]) / 1000


def growth(samples: list[dict[str, float]], what: str) -> float:
    """How much more there is with every 100 runs, in the later half."""
    later = [one[what] for one in samples[len(samples) // 2 :]]
    return statistics.linear_regression(range(len(later)), later).slope * 100 / EVERY


def disturb(soak: Soak, kills: int, runs: int, *, rare: bool) -> Counter[str]:
    """Kill the workspace again and again while runs are under way; how many ended how."""
    results: Counter[str] = Counter()
    for _ in range(kills):
        soak.start_many(runs, rare=rare)
        active, left = len(soak.active()), soak.chance.uniform(0.3, 1)
        wait_for(lambda active=active, left=left: len(soak.active()) <= left * active, seconds=120)
        soak.kill()
        soak.settle()
        results += soak.check(disturbed=True)
    return results


def test_some_runs_and_some_kills(workspaces: WorkspaceHome) -> None:
    soak = Soak(workspaces, seed=5)
    soak.start_many(6, rare=False)
    soak.settle()
    assert soak.check(disturbed=False)["SUCCESS"]
    results = disturb(soak, 3, 4, rare=False)
    assert results.total() == 12 and soak.lost


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_thousand_runs_leave_nothing(workspaces: WorkspaceHome) -> None:
    soak = Soak(workspaces, seed=1)
    samples, results = [], Counter[str]()
    for _ in range(1000 // EVERY):
        soak.start_many(EVERY, rare=True)
        soak.settle()
        results += soak.check(disturbed=False)
        samples.append(sample(soak))
        print(samples[-1], flush=True)
    found = {what: growth(samples, what) for what in BARS}
    print(dict(results), "more with every 100 runs:", found)
    assert all(found[what] <= bar for what, bar in BARS.items()), found


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_fifty_kills_leave_true_runs(workspaces: WorkspaceHome) -> None:
    soak = Soak(workspaces, seed=2)
    results = disturb(soak, 50, 20, rare=True)
    print(dict(results), "attempts lost:", soak.lost)
    assert sum(results.values()) == 1000 and soak.lost >= 50
