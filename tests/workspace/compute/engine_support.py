"""An engine in a process of its own, as a task has it, and the workspace behind it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.programs import Program
from tests.workspace.compute.compute_support import Lab


class Engine:
    """An engine, and the real workspace that it asks; the workspace has the catalogs `main` and `dev`.

    Args:
        root: An empty directory for both.
        lab: A workspace that is there already.
        token: Whose engine it is; without one, the workspace owner's.
        choice: Which engine, as a message of the worker has it.
        kill: Where the gateway kills itself, as `kill_points.arm` has it.
    """

    def __init__(
        self,
        root: Path,
        lab: Lab | None = None,
        token: str = "",
        choice: Mapping[str, str] | None = None,
        kill: tuple[str, str, int] | None = None,
    ) -> None:
        self.own = lab is None
        self.sessions: list[Any] = []
        self.lab = lab or Lab(root / "lab")
        self.catalog = self.lab.workspace.catalog
        if self.own:
            self.catalog.create_catalog("dev", "me@localhost")
        self.data = self.lab.workspace.data
        self.token = token or self.lab.token
        arguments = [self.lab.workspace.url, self.token, str(self.data), str(root / "scratch")]
        more: dict[str, Any] = {"user_environ": dict(os.environ)}
        more |= ({"engine": choice} if choice else {}) | ({"kill": kill} if kill else {})
        arguments.append(json.dumps(more))
        self.process = Program(PROGRAM, arguments, {**os.environ, **HOSTILE})
        self.url = self.process.stdout.readline().strip()
        assert self.url, "the engine did not start"

    def client(self) -> Any:
        """A new session of an unmodified Spark Connect client."""
        from pyspark.sql import SparkSession

        session = SparkSession.builder.remote(self.url).create()
        self.sessions.append(session)
        return session

    def close(self) -> None:
        """End it; no session is left as the process's active one, which MLflow would ask for minutes."""
        for session in self.sessions:
            session.client.set_retry_policies([])
            session.stop()
        self.process.kill()
        self.process.wait()
        if self.own:
            self.lab.close()


PROGRAM = "tests.workspace.compute.engine_process"
#: Settings of another workspace; an engine that listened to them would call it.
HOSTILE = {"DATABRICKS_HOST": "http://127.0.0.1:9", "DATABRICKS_TOKEN": "wrong", "UC_TOKEN": "wrong"}
