"""A workspace inside the test's process, with a real server behind it, whose tasks are real processes."""

from __future__ import annotations

import asyncio
import itertools
import json
import socket
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import uvicorn

from brickyard.workspace import tunnel
from brickyard.workspace.app import App
from brickyard.workspace.compute import TaskHandle, TaskOutcome, TaskSpec
from brickyard.workspace.store import Store
from brickyard.workspace.workspace import Workspace

Parameters = Mapping[str, str] | Sequence[str]
HOME = "/Users/me@localhost"


class Lab:
    """Puts notebooks and files into a workspace and runs them."""

    def __init__(self, root: Path) -> None:
        (root / "data").mkdir(parents=True, exist_ok=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # as the workspace's own server does
        port = self.listener.getsockname()[1]
        self.workspace = Workspace(
            name=root.name,
            root=root,
            url=f"http://127.0.0.1:{port}",
            workspace_id=4242,
            store=Store(root / "workspace.db"),
        )
        config = uvicorn.Config(
            App(self.workspace),
            http=tunnel.protocol(self.workspace),
            lifespan="off",
            ws="none",
            log_config=None,
        )
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=lambda: asyncio.run(self.server.serve([self.listener])), daemon=True)
        self.thread.start()
        self.token = self.workspace.identity.issue_token(self.workspace.identity.owner, "test")
        self.workspace.compute.recover()
        self.numbers = itertools.count(1)

    def put(self, path: str, content: str, base: str = HOME) -> str:
        """A file or notebook in the workspace tree; its path."""
        place = self.workspace.files.local_path(f"{base}/{path}")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(content)
        return f"{base}/{path}"

    def put_wheel(self, wheel: Path) -> str:
        """A wheel in the workspace tree; its path as that of a library."""
        place = self.workspace.files.local_path(f"{HOME}/wheels/{wheel.name}")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(wheel.read_bytes())
        return f"/Workspace{HOME}/wheels/{wheel.name}"

    def notebook(self, name: str, *cells: str) -> str:
        """A notebook in source format; lines of cells that begin with % become magics."""
        chunks = [_magic(cell) if cell.startswith("%") else cell for cell in cells]
        return self.put(name, "# Databricks notebook source\n" + "\n\n# COMMAND ----------\n\n".join(chunks) + "\n")

    def start(self, kind: str, source: str, parameters: Parameters = (), **more: Any) -> TaskHandle:
        """Start a task."""
        number = next(self.numbers)
        spec = TaskSpec(
            run_id=1000 + number,
            job_id=77,
            job_run_id=88,
            task_key=f"task_{number}",
            kind=kind,
            source=source,
            user_name="me@localhost",
            token=self.token,
            directory=self.workspace.root / "runs" / str(number),
            parameters=parameters,
            **more,
        )
        return self.workspace.compute.start_task(spec)

    def run(self, kind: str, source: str, parameters: Parameters = (), **more: Any) -> Ran:
        """Run a task to its end."""
        handle = self.start(kind, source, parameters, **more)
        outcome = handle.wait(90)
        assert outcome is not None, f"the task does not end; so far it printed:\n{handle.log.read_text()}"
        return Ran(handle, outcome)

    def cells(self, *cells: str, **more: Any) -> Ran:
        """Run a notebook of these cells."""
        return self.run("notebook", self.notebook(f"notebook_{next(self.numbers)}", *cells), **more)

    def close(self) -> None:
        """Stop everything."""
        self.workspace.compute.close()
        self.server.should_exit = True
        self.thread.join(20)
        self.workspace.close()


class Ran:
    """A task that has ended."""

    def __init__(self, handle: TaskHandle, outcome: TaskOutcome) -> None:
        self.handle = handle
        self.outcome = outcome
        self.directory = handle.spec.directory
        self.output = handle.log.read_text()

    @property
    def cells(self) -> list[dict[str, Any]]:
        cells: list[dict[str, Any]] = json.loads((self.directory / "cells.json").read_text())["cells"]
        return cells

    def ok(self) -> Ran:
        """This, if the task succeeded."""
        assert self.outcome.succeeded, f"{self.outcome.message}\n{self.outcome.error_trace}\n{self.output}"
        return self


def _magic(cell: str) -> str:
    return "\n".join(f"# MAGIC {line}" for line in cell.split("\n"))
