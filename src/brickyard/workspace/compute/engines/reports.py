"""Which engines work on this machine, their versions, and what to do about those that do not."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from brickyard.workspace.compute.engines import jvm_home
from brickyard.workspace.compute.engines.choice import DELTA_JARS, DELTA_PACKAGES, ENGINE, EngineChoice
from brickyard.workspace.compute.engines.remote import RemoteEngine

__all__ = ["EngineReport", "report"]

_SECONDS = 60
#: Starts Sail in a process of its own, and talks to it.
_TRY_SAIL = """
import socket
from pysail.spark import SparkConnectServer
server = SparkConnectServer("127.0.0.1", 0)
server.start(background=True)
socket.create_connection(server.listening_address, 10).close()
"""


@dataclass(frozen=True)
class EngineReport:
    """An engine on this machine.

    Attributes:
        name: `sail`, `jvm` or `remote`.
        works: Whether it can be used as it is.
        version: What is there.
        next: What to do, or what to know.
    """

    name: str
    works: bool
    version: str
    next: str = ""


def report(choice: EngineChoice, environ: Mapping[str, str] = os.environ) -> EngineReport:
    """Try an engine, as far as that takes a moment: Sail is started, a remote one is called, Java asked for itself."""
    if choice.name == "remote":
        return _remote(choice)
    return _sail() if choice.name == "sail" else _jvm(choice, environ)


def _sail() -> EngineReport:
    try:
        version = f"pysail {metadata.version('pysail')}, pyspark-client {metadata.version('pyspark-client')}"
    except metadata.PackageNotFoundError as error:
        return EngineReport("sail", False, f"{error.name} is not installed", "Install brickyard again.")
    quiet = os.environ | {"RUST_LOG": "error"}
    done = _run([sys.executable, "-c", _TRY_SAIL], quiet)
    if done is not None:
        return EngineReport("sail", False, f"{version}: does not start: {done}", "Install brickyard again.")
    return EngineReport("sail", True, version)


def _jvm(choice: EngineChoice, environ: Mapping[str, str]) -> EngineReport:
    home = jvm_home.find(environ)
    if home is None:
        if environ.get("SPARK_HOME"):
            return EngineReport(
                "jvm", False, f"no bin/spark-submit in SPARK_HOME ({environ['SPARK_HOME']})", "Unset it."
            )
        wanted = " and ".join(jvm_home.PACKAGES)
        return EngineReport("jvm", False, "not installed", f"The first cluster that asks for it installs {wanted}.")
    failure = _run([str(home.java / "bin" / "java"), "-version"], environ)
    version = f"Spark {_spark_version(home.spark)}, Java in {home.java}"
    if failure is not None:
        return EngineReport("jvm", False, f"{version}: {failure}", "Set JAVA_HOME to Java 17 or 21.")
    if choice.jars or choice.packages:
        return EngineReport("jvm", True, version)
    return EngineReport("jvm", True, version, f"Its clusters name Delta: {DELTA_PACKAGES} or {DELTA_JARS}.")


def _spark_version(home: Path) -> str:
    jars = (re.fullmatch(r"spark-core_[\d.]+-(.+)\.jar", jar.name) for jar in (home / "jars").glob("spark-core_*.jar"))
    return next((jar[1] for jar in jars if jar), "of unknown version")


def _remote(choice: EngineChoice) -> EngineReport:
    if not choice.url:
        return EngineReport("remote", True, "any Spark Connect server", f"{ENGINE}: sc://HOST:PORT")
    try:
        server = RemoteEngine(choice.url).start()
    except RuntimeError as error:
        return EngineReport("remote", False, str(error), "Start it, or choose another engine.")
    return EngineReport("remote", True, f"answers at {server.address.target}")


def _run(command: list[str], environ: Mapping[str, str]) -> str | None:
    """What a program said last, where it failed."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, env=dict(environ), timeout=_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    lines = (done.stderr or done.stdout).strip().splitlines() or [f"exit code {done.returncode}"]
    return None if done.returncode == 0 else lines[-1]
