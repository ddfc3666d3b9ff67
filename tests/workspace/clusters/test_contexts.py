"""Execution contexts and the life of the cluster that they are on."""

from __future__ import annotations

from pathlib import Path

import pytest

from brickyard.workspace.commands import Commands
from brickyard.workspace.commands import context as contexts
from brickyard.workspace.commands.context import Context
from tests.support import wait_for
from tests.workspace.clusters.cluster_lab import ClusterLab

STUBBORN = """import time
while True:
    try:
        open({place!r}, "w").close()
        time.sleep(1000)
    except KeyboardInterrupt:
        pass
"""


def made(commands: Commands, lab: ClusterLab, cluster_id: str) -> Context:
    """A context that executes commands."""
    context = commands.create(cluster_id, lab.owner)
    wait_for(lambda: context.state == "Running")
    return context


def let_time_pass(lab: ClusterLab, cluster_id: str) -> None:
    """Ten minutes without activity."""
    running = lab.clusters.lifecycle.get(cluster_id)
    assert running is not None
    running.used_at -= 601
    lab.clusters.end_idle()


def test_a_context_that_does_nothing_keeps_no_cluster(lab: ClusterLab) -> None:
    mine = lab.running(autotermination_minutes=10)
    commands = lab.workspace.commands
    context = made(commands, lab, mine)
    command = commands.execute(context, "import time; time.sleep(1000)", "python")
    let_time_pass(lab, mine)
    assert lab.clusters.get(mine).state == "RUNNING"
    context.cancel(command)
    wait_for(lambda: command.state == "Cancelled")
    lab.clusters.end_idle()
    assert lab.clusters.get(mine).state == "RUNNING"  # its minutes begin with the end of the command
    let_time_pass(lab, mine)
    lab.wait(mine, "TERMINATED")
    wait_for(lambda: context.state == "Error")
    assert context.error == "The cluster was terminated."


def test_what_ignores_its_cancellation_is_ended(
    lab: ClusterLab, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(contexts, "_CANCEL_SECONDS", 0.5)
    mine = lab.running(spark_env_vars={"COLOUR": "green"})
    commands = lab.workspace.commands
    context, other = made(commands, lab, mine), made(commands, lab, mine)
    begun = tmp_path / "begun"
    command = commands.execute(context, STUBBORN.format(place=str(begun)), "python")
    wait_for(begun.exists)
    context.cancel(command)
    wait_for(lambda: context.state == "Error")
    assert command.state == "Cancelled" and "did not react" in (context.error or "")
    asked = commands.execute(other, "import os; os.environ['COLOUR']", "python")
    found = wait_for(lambda: other.results(asked))
    assert found["data"] == "'green'"
