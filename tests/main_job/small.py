"""The main job on a sample of the flights, small enough to be broken many times; each phase starts from a snapshot."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from brickyard.workspace.layout import Layout
from tests.support import LocalWorkspace, WorkspaceHome, wait_for
from tests.support.commands import Command

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "flights"
SKIPPED = shutil.ignore_patterns("dist", ".databricks", "__pycache__")
# What makes the copied project small: a row in two hundred, fewer and weaker trees, two environments, bars to match.
CHANGES = {
    "src/flights/raw.py": [
        ("return pd.read_csv(directory / FILES[table])", "rows = pd.read_csv(directory / FILES[table])\n    {sample}")
    ],
    "src/flights/tasks.py": [("150_000", "500"), ("50_000", "200"), ("100_000", "400")],
    "src/flights/model.py": [("ROUNDS = 300", "ROUNDS = 20"), ('"min_data_in_leaf": 100', '"min_data_in_leaf": 20')],
    "brickyard.yml": [
        ("  uat:\n    target: uat\n    promote_from: dev\n", ""),
        ("promote_from: uat", "promote_from: dev"),
        ("min: 0.62", "min: 0.5"),
        ("max: 0.25", "max: 0.5"),
        ("tolerance: 0.0", "tolerance: 0.5"),
    ],
}
SOCKETS = shutil.ignore_patterns("*.sock")
SAMPLE = 'return rows.iloc[::200].reset_index(drop=True) if table == "flights" else rows'


@dataclass(frozen=True)
class Phase:
    """A command of the main job, the workspaces it works in, and how it ends where nothing disturbs it."""

    name: str
    workspaces: tuple[str, ...]
    command: tuple[str, ...]
    code: int = 0


PHASES = {
    phase.name: phase
    for phase in (
        Phase("deploy", ("prod",), ("deploy", "-t", "prod")),
        Phase("prepare", ("prod",), ("run", "prepare", "-t", "prod")),
        Phase("train", ("dev",), ("run", "train", "-t", "dev")),
        Phase("accept", ("dev",), ("model", "promote", "delay", "--to", "dev")),
        Phase("propose", ("dev", "prod"), ("model", "promote", "delay", "--to", "prod"), code=9),
        Phase("approve", ("prod",), ("model", "approve", "delay", "--to", "prod", "--version", "1")),
        Phase("promote", ("dev", "prod"), ("model", "promote", "delay", "--to", "prod")),
        Phase("score", ("prod",), ("score", "delay", "-t", "prod")),
    )
}


@dataclass
class SmallJob:
    """Two workspaces and a small flights project; knows every phase's beginning, duration and outcome."""

    root: Path
    home: WorkspaceHome = field(init=False)
    seconds: dict[str, float] = field(default_factory=dict)
    contents: dict[str, dict[str, object]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.home = WorkspaceHome(self.root / "home")
        self.project = small_project(self.root / "flights")
        self.workspaces = {name: self.home.start(f"flights-{name}") for name in ("dev", "prod")}

    def run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a `brickyard` command in the project, to its end."""
        return self.home.run(*arguments, check=check, cwd=self.project)

    def begin(self, phase: Phase) -> Command:
        """Start the phase's command, and leave it running."""
        return Command(*phase.command, environ=self.home.environ, cwd=self.project)

    def complete(self, phase: Phase) -> subprocess.CompletedProcess[str]:
        """Run the phase's command; fails where it ends otherwise than it should."""
        done = self.run(*phase.command, check=False)
        assert done.returncode == phase.code, (
            f"{phase.command} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        )
        return done

    def walk(self, last: str = "score") -> None:
        """Every phase once, undisturbed, with a snapshot before it and its outcome after it."""
        self.run("deploy", "-t", "dev")
        self.run("run", "prepare", "-t", "dev")
        for name, phase in PHASES.items():
            self.keep(name)
            begin = time.monotonic()
            self.complete(phase)
            self.seconds[name] = time.monotonic() - begin
            self.contents[name] = self.content(phase)
            if name == last:
                return

    def keep(self, name: str) -> None:
        """Copy both workspaces, which are idle, and the project, whose build is part of a deploy."""
        for workspace in self.workspaces.values():
            shutil.copytree(workspace.root, self._kept(name) / workspace.name, symlinks=True, ignore=SOCKETS)
        shutil.copytree(self.project, self._kept(name) / "project", symlinks=True)

    def restore(self, phase: Phase) -> None:
        """Bring the workspaces of a phase, and the project, back to the phase's beginning, and start them."""
        for name in phase.workspaces:
            workspace = self.workspaces[name]
            self.kill_server(name)
            _replace(self._kept(phase.name) / workspace.name, workspace.root)
        _replace(self._kept(phase.name) / "project", self.project)
        self.start(*phase.workspaces)

    def start(self, *names: str) -> None:
        """Start workspaces side by side, as a user would."""
        with ThreadPoolExecutor() as threads:
            list(threads.map(lambda name: self.home.run("workspace", "start", self.workspaces[name].name), names))

    def kill_server(self, name: str) -> None:
        """`kill -9` of a workspace's server, wherever it is; nothing that it started may outlive it."""
        root = self.workspaces[name].root
        record = Layout(root).read_process()
        if record is None:
            return
        with contextlib.suppress(psutil.NoSuchProcess):
            server = psutil.Process(record.pid)
            if str(root) not in server.cmdline():  # the server has ended, and its number is another's
                return
            tree = [server, *server.children(recursive=True)]
            server.kill()
            wait_for(lambda: not alive(tree), seconds=15)

    def content(self, phase: Phase) -> dict[str, object]:
        """Everything that the phase's workspaces hold, by value, and without what differs from run to run."""
        from tests.main_job.contents import content

        return {name: content(self.workspaces[name], trained=phase.name == "train") for name in phase.workspaces}

    def status(self, name: str) -> dict[str, object]:
        """`brickyard model status` of an environment."""
        found: list[dict[str, object]] = json.loads(
            self.run("model", "status", "delay", "-t", name, "-o", "json").stdout
        )
        return found[0]

    def close(self) -> None:
        """Stop the workspaces."""
        self.home.close()

    def _kept(self, name: str) -> Path:
        return self.root / "kept" / name


def small_project(directory: Path) -> Path:
    """A copy of the flights project that reads a sample of its raw data."""
    shutil.copytree(EXAMPLE, directory, ignore=SKIPPED)
    for name, changes in CHANGES.items():
        text = (directory / name).read_text()
        for before, after in changes:
            assert before in text, f"{name} has no {before!r}"
            text = re.sub(rf"(?<![0-9_]){re.escape(before)}", lambda _, to=after: to.format(sample=SAMPLE), text)
        (directory / name).write_text(text)
    return directory


def _replace(kept: Path, directory: Path) -> None:
    """Give a directory the content of another one; the directory itself stays, as it may be a disk of its own."""
    for path in directory.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    shutil.copytree(kept, directory, symlinks=True, dirs_exist_ok=True)


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that have not ended; what is dead and waits for its parent has ended."""
    left = []
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                left.append(process)
    return left


__all__ = ["PHASES", "LocalWorkspace", "Phase", "SmallJob", "alive", "small_project"]
