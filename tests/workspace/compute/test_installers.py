"""The end of an installer, with all that it has started."""

from __future__ import annotations

import subprocess
import sys

import psutil

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


def _marked() -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("MARK") == "of this build":
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
    return found
