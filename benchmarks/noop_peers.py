"""Ten steps that do nothing: a job of a warm workspace, and pipelines of kedro and metaflow, side by side.

Wall and CPU seconds. Of the workspace, the CPU seconds of all its processes (server, fork server, tasks) and of the
client, from `run-now` to the end of the run; of a peer, those of the command that a user runs (`kedro run`,
`python flow.py run`) and of all processes that it starts. The peers are installed into a scratch environment from the
package registry.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import psutil
from noop_job import NOTEBOOK, tasks, workspace

RUNS = 7
QUIET = {"DO_NOT_TRACK": "1", "KEDRO_DISABLE_TELEMETRY": "1", "METAFLOW_USER": "benchmark"}
KEDRO = {
    "pyproject.toml": """[tool.kedro]
package_name = "noop"
project_name = "noop"
kedro_init_version = "{version}"
source_dir = "src"
""",
    "conf/base/catalog.yml": "",
    "conf/local/.gitkeep": "",
    "src/noop/__init__.py": "",
    "src/noop/settings.py": "",
    "src/noop/pipeline_registry.py": """from kedro.pipeline import Pipeline, node


def nothing(before):
    return before


def start():
    return 0


def register_pipelines():
    nodes = [node(start, None, "d0")] + [node(nothing, f"d{n}", f"d{n + 1}", name=f"n{n}") for n in range(9)]
    return {"__default__": Pipeline(nodes)}
""",
}
METAFLOW = {
    "flow.py": "from metaflow import FlowSpec, step\n\n\nclass Noop(FlowSpec):\n"
    + "".join(
        f"    @step\n    def {name}(self):\n        {f'self.next(self.{following})' if following else 'pass'}\n\n"
        for name, following in zip(
            ["start", *(f"s{n}" for n in range(8)), "end"], [*(f"s{n}" for n in range(8)), "end", ""], strict=True
        )
    )
    + "\nif __name__ == '__main__':\n    Noop()\n"
}
Figures = list[tuple[float, float]]  # wall and CPU seconds of each run


def main() -> None:
    """Measure and print."""
    print(f"load {os.getloadavg()[0]:.2f}")
    ours = _print("brickyard, warm workspace", _ours())
    with tempfile.TemporaryDirectory(prefix="brickyard-peers-") as scratch:
        for name, files, command in (
            ("kedro", KEDRO, ["-m", "kedro", "run"]),
            ("metaflow", METAFLOW, ["flow.py", "run"]),
        ):
            version, found = _peer(Path(scratch), name, files, command)
            peer = _print(f"{name} {version}", found)
            print(f"  of {name}'s: wall {ours[0] / peer[0]:.2f}, CPU {ours[1] / peer[1]:.2f}")


def _ours() -> Figures:
    with workspace() as api:
        job_id = api.job(tasks(api.notebook("/Shared/nothing", NOTEBOOK)))
        return _measured(lambda: api.run(job_id), lambda: _cpu_of_tree(api.pid) + _cpu_of_self())


def _peer(scratch: Path, name: str, files: Mapping[str, str], command: list[str]) -> tuple[str, Figures]:
    """Install a peer, write its pipeline, and run it."""
    uv = [sys.executable, "-m", "uv"]
    python, directory = str(scratch / name / "bin" / "python"), scratch / f"{name}-project"
    subprocess.run([*uv, "venv", "-q", "--python", sys.executable, str(scratch / name)], check=True)
    subprocess.run([*uv, "pip", "install", "-q", "--compile-bytecode", "--python", python, name], check=True)
    asked = f"import importlib.metadata as m; print(m.version({name!r}))"
    version = subprocess.run([python, "-c", asked], check=True, capture_output=True, text=True).stdout.strip()
    for path, text in files.items():
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_text(text.replace("{version}", version))
    environ = os.environ | QUIET | {"PYTHONDONTWRITEBYTECODE": ""}

    def run() -> None:
        done = subprocess.run([python, *command], cwd=directory, env=environ, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"{name}: {done.stdout}{done.stderr}")

    return version, _measured(run, lambda: sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2]))


def _measured(run: Callable[[], None], cpu: Callable[[], float]) -> Figures:
    for _ in range(2):
        run()
    found = []
    for _ in range(RUNS):
        spent, begin = cpu(), time.perf_counter()
        run()
        wall = time.perf_counter() - begin
        found.append((wall, cpu() - spent))
    return found


def _cpu_of_tree(pid: int) -> float:
    """CPU seconds of a process and all below it, of those that have ended too."""
    server = psutil.Process(pid)
    return sum(sum(one.cpu_times()[:4]) for one in [server, *server.children(recursive=True)])


def _cpu_of_self() -> float:
    return sum(resource.getrusage(resource.RUSAGE_SELF)[:2])


def _print(what: str, found: Figures) -> tuple[float, float]:
    """Print and answer the medians of wall and CPU seconds."""
    wall, cpu = zip(*found, strict=True)
    medians = statistics.median(wall), statistics.median(cpu)
    spread = f"({min(wall):.2f} to {max(wall):.2f}), CPU {medians[1]:.2f} s ({min(cpu):.2f} to {max(cpu):.2f})"
    print(f"ten steps, {what}: median wall {medians[0]:.2f} s {spread}, n={len(found)}", flush=True)
    return medians


if __name__ == "__main__":
    main()
