"""Real local workspaces for tests, started by the public functions under a directory of their own."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from brickyard.workspace import process_tree
from brickyard.workspace.layout import Layout
from tests.support.commands import run_command

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient


@dataclass(frozen=True)
class LocalWorkspace:
    """A running workspace."""

    name: str
    host: str
    token: str
    root: Path
    home: Path

    @property
    def environ(self) -> dict[str, str]:
        """The environment of a program that talks to this workspace."""
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("DATABRICKS_", "MLFLOW_", "BRICKYARD_"))}
        return clean | {
            "BRICKYARD_HOME": str(self.home),
            "DATABRICKS_HOST": self.host,
            "DATABRICKS_TOKEN": self.token,
            "MLFLOW_TRACKING_URI": "databricks",
            "MLFLOW_REGISTRY_URI": "databricks-uc",
            "MLFLOW_DISABLE_TELEMETRY": "true",
        }

    @property
    def pid(self) -> int:
        """The process of its server."""
        return int(json.loads((self.root / "server.json").read_text())["pid"])

    def client(self) -> WorkspaceClient:
        """The official SDK's client, unmodified."""
        from databricks.sdk import WorkspaceClient

        return WorkspaceClient(host=self.host, token=self.token, auth_type="pat")


class WorkspaceHome:
    """A `BRICKYARD_HOME` of a test, with as many workspaces as it starts.

    Args:
        home: The directory.
        fork: Whether servers are forked from a process that has imported everything; else each is an interpreter of its
            own, as a user's, which takes five times as long.
    """

    def __init__(self, home: Path, *, fork: bool = True) -> None:
        self.home = home
        self._fork = fork
        self._names: list[str] = []

    @property
    def environ(self) -> dict[str, str]:
        """The environment of a command line that works under this home."""
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("DATABRICKS_", "MLFLOW_", "BRICKYARD_"))}
        own = {"BRICKYARD_HOME": str(self.home), "BRICKYARD_SPARK_AHEAD": "0", "MLFLOW_DISABLE_TELEMETRY": "true"}
        return clean | own

    def run(
        self, *arguments: str, check: bool = True, cwd: Path | None = None, extra: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a `brickyard` command as a user would."""
        environ = self.environ | dict(extra or {})
        done = run_command(*arguments, environ=environ, cwd=cwd, fork_servers=self._fork)
        if check and done.returncode != 0:
            raise AssertionError(f"brickyard {' '.join(arguments)} ended with {done.returncode}:\n{done.stderr}")
        return done

    def start(self, name: str, *arguments: str, extra: Mapping[str, str] | None = None) -> LocalWorkspace:
        """Start a workspace by the command line, with extra variables in its environment."""
        self._names.append(name)
        self.run("workspace", "start", name, *arguments, extra=extra)
        layout = Layout(self.home / "workspaces" / name)
        record, token = layout.read_process(), layout.read_token()
        assert record is not None and token is not None
        return LocalWorkspace(name, record.public_url, token, layout.root, self.home)

    def close(self) -> None:
        """Stop everything that was started; that something asks for the processes that ended is not waited for."""
        for name in self._names:
            layout = Layout(self.home / "workspaces" / name)
            if not layout.root.exists():
                continue
            record = layout.read_process() if layout.holder() == "server" else None
            if record is None:
                self.run("workspace", "stop", name, check=False)
            else:
                process_tree.end(record.pid, name, gone_seconds=0)
