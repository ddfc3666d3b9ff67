"""The end of an installer, with all that it has started."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from brickyard.workspace.compute.environments import Environments
from brickyard.workspace.compute.installers import kill
from tests.support import wait_for

#: Starts processes all the time, each in a session of its own, and one of its group that nobody is the parent of.
BUILD = """
import os, signal, subprocess, time
subprocess.run(["sh", "-c", "sleep 600 &"])
for number in range(3000):
    if os.fork() == 0:
        os.setsid()
        signal.alarm(60)
        signal.pause()
    if number == 20:
        print("begun", flush=True)
    time.sleep(0.001)
signal.pause()
"""


def test_nothing_is_left_that_a_build_starts_while_it_is_killed() -> None:
    environ = {"MARK": "of this build", "PATH": "/usr/bin:/bin"}
    command = [sys.executable, "-S", "-c", BUILD]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, process_group=0, env=environ) as installer:
        assert installer.stdout is not None and installer.stdout.readline() == "begun\n"
        kill(installer)
    wait_for(lambda: not _marked())


def test_a_task_that_is_stopped_does_not_wait_for_its_installer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stopped(BaseException):
        """As the signal of a cancellation."""

    def stop(*_: object) -> None:
        raise Stopped

    uv, end = tmp_path / "uv", tmp_path / "end"
    uv.write_text(f"#!/bin/sh\nsleep 0.2\nkill -USR1 $PPID\nsleep 3\ntouch {end}\n")
    uv.chmod(0o700)
    monkeypatch.setattr("uv.find_uv_bin", lambda: str(uv))
    before = signal.signal(signal.SIGUSR1, stop)
    try:
        with pytest.raises(Stopped):
            Environments(tmp_path / "environments").install(["not-installed-here==1.0"], tmp_path / "target")
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert not end.exists()


def _marked() -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("MARK") == "of this build":
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
    return found
