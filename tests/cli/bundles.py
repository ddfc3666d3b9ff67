"""A small bundle, and the command line run on it as a user would."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.support import LocalWorkspace
from tests.support.commands import BRICKYARD, run_command

BUNDLE = """
bundle: {{name: {name}}}
workspace: {{root_path: /Workspace/Shared/{name}}}
resources:
  schemas:
    data: {{catalog_name: main, name: {name}, comment: first}}
  volumes:
    raw: {{catalog_name: main, schema_name: "${{resources.schemas.data.name}}", name: raw}}
  jobs:
    hello:
      name: {name} hello
      parameters: [{{name: who, default: world}}]
      tasks:
        - task_key: greet
          notebook_task: {{notebook_path: notebooks/greet.py}}
    after:
      name: {name} after
      tags: {{hello_job: "${{resources.jobs.hello.id}}"}}
      tasks:
        - task_key: greet
          spark_python_task: {{python_file: scripts/main.py}}
"""

GREET = """# Databricks notebook source
who = dbutils.widgets.get("who")
print(f"hello {who}")
if who == "nobody":
    raise ValueError("there is nobody to greet")

# COMMAND ----------
if who == "forever":
    import time

    time.sleep(600)
dbutils.notebook.exit(f"greeted {who}")
"""


@dataclass(frozen=True)
class Bundle:
    """A bundle in a directory of its own, deployed to a workspace under its own names."""

    root: Path
    name: str
    workspace: LocalWorkspace

    @property
    def file(self) -> Path:
        return self.root / "databricks.yml"

    def replace(self, before: str, after: str) -> None:
        """Change the bundle's file."""
        text = self.file.read_text()
        if before not in text:
            raise AssertionError(f"{before!r} is not in the bundle")
        self.file.write_text(text.replace(before, after))

    def run(self, *arguments: str, code: int = 0, environ: dict[str, str] | None = None) -> str:
        """Run a command; returns what it printed, output first, then errors."""
        done = run_command(*arguments, environ=self.workspace.environ | (environ or {}), cwd=self.root, seconds=110)
        text = done.stdout + done.stderr
        assert done.returncode == code, f"brickyard {' '.join(arguments)} ended with {done.returncode}:\n{text}"
        return text

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command and leave it running."""
        return subprocess.Popen(
            [*BRICKYARD, *arguments],
            cwd=self.root,
            env=self.workspace.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def jobs(self) -> dict[str, int]:
        """The ids of the workspace's jobs of this bundle by their names; fails where a name is there twice."""
        found: dict[str, int] = {}
        for job in self.workspace.client().jobs.list():
            assert job.settings is not None and job.job_id is not None
            name = str(job.settings.name)
            if name.startswith(self.name):
                assert name not in found, f"the job '{name}' is there twice"
                found[name] = job.job_id
        return found


def make_bundle(root: Path, name: str, workspace: LocalWorkspace) -> Bundle:
    """Write the bundle."""
    files = {
        "databricks.yml": BUNDLE.format(name=name),
        "notebooks/greet.py": GREET,
        "scripts/main.py": "print('plain')\n",
    }
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return Bundle(root, name, workspace)
