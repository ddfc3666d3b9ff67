"""A full disk: the command ends with a message, production has not changed, and with room it completes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.main_job.disks import SmallDisk, SmallFiles, small_disk
from tests.main_job.small import PHASES, SmallJob

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def disk(job: SmallJob) -> Iterator[SmallDisk | SmallFiles]:
    """The disk of production."""
    job.kill_server("prod")
    made = small_disk(job.workspaces["prod"].root)
    try:
        yield made
    finally:
        job.kill_server("prod")
        made.close()


def lives(content: dict[str, Any]) -> dict[str, Any]:
    """What production serves: its jobs, endpoints, tables and the versions that are complete."""
    model = content["model"] or {"aliases": {}, "versions": {}}
    ready = {number: files for number, (state, files) in model["versions"].items() if state == "READY"}
    return {name: content[name] for name in ("jobs", "endpoints", "tables")} | {
        "aliases": model["aliases"],
        "ready": ready,
    }


# The bytes that are left: none, or too few for all that the command writes.
POINTS = [("deploy", 0)]
MORE = [("propose", 60_000), ("score", 4_000), ("deploy", 60_000), ("propose", 0), ("score", 0)]
MORE += [("prepare", left) for left in (0, 100_000, 1_000_000)]


@pytest.mark.parametrize(("name", "left"), [*POINTS, *(pytest.param(*point, marks=pytest.mark.soak) for point in MORE)])
def test_a_full_disk_is_named_and_changes_nothing(
    job: SmallJob, disk: SmallDisk | SmallFiles, name: str, left: int
) -> None:
    phase = PHASES[name]
    job.restore(phase)
    before = lives(job.content(phase)["prod"])
    disk.fill(left)
    done = job.run(*phase.command, check=False)
    said = done.stdout + done.stderr
    disk.free()

    outcome = job.content(phase)
    if left and done.returncode == phase.code:  # it did with what was left: then nothing may be missing
        assert outcome == job.contents[name]
        return
    assert done.returncode not in (0, phase.code), said
    assert not re.search("(src|site-packages)/brickyard/", said), said  # a trace is of the user's code, not of ours
    assert re.search("disk is full|no room on the disk|No space left on device|File too large", said), said
    after = lives(outcome["prod"])
    if name in ("propose", "score"):
        assert after == before
    assert after["aliases"] == before["aliases"]
    finished = lives(job.contents[name]["prod"])
    assert all(
        rows in (before["tables"].get(table), finished["tables"][table]) for table, rows in after["tables"].items()
    )

    job.complete(phase)
    assert job.content(phase) == job.contents[name]
