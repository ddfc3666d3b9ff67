"""The flights project as it is, and a small one, each prepared once for the tests of this package."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.main_job.contents import everything
from tests.main_job.small import EXAMPLE, SKIPPED, SmallJob
from tests.support import LocalWorkspace, WorkspaceHome


@dataclass(frozen=True)
class Flights:
    """The project, deployed to dev and prod, with data, a champion and a challenger's predictions."""

    home: WorkspaceHome
    project: Path
    dev: LocalWorkspace
    uat: LocalWorkspace
    prod: LocalWorkspace

    def run(self, *arguments: str, check: bool = True):
        """Run a `brickyard` command in the project."""
        return self.home.run(*arguments, check=check, cwd=self.project)

    def production(self) -> dict[str, Any]:
        """All that production serves from."""
        return everything(self.prod)


@pytest.fixture(scope="package")
def flights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flights]:
    """The whole main job up to a served champion, by the command line; takes minutes, so the tests share it."""
    root = tmp_path_factory.mktemp("main-job")
    home = WorkspaceHome(root / "home")
    try:
        yield whole_job(home, root / "flights")
    finally:
        home.close()


def whole_job(home: WorkspaceHome, project: Path) -> Flights:
    """Three workspaces with all that the main job leaves in them."""
    shutil.copytree(EXAMPLE, project, ignore=SKIPPED)
    dev, uat, prod = (home.start(f"flights-{name}") for name in ("dev", "uat", "prod"))
    made = Flights(home, project, dev, uat, prod)
    for target in ("dev", "uat", "prod"):
        made.run("deploy", "-t", target)
    for target in ("dev", "prod"):
        made.run("run", "prepare", "-t", target)
    for kind in ("hour", "trees"):
        made.run("run", "train", "-t", "dev", "--params", f"kind={kind}")
        made.run("model", "promote", "delay", "--to", "dev")
        made.run("model", "promote", "delay", "--to", "uat")
        assert made.run("model", "promote", "delay", "--to", "prod", check=False).returncode == 9
        made.run("model", "approve", "delay", "--to", "prod", "--version", "1" if kind == "hour" else "2")
        made.run("model", "promote", "delay", "--to", "prod")
    made.run("score", "delay", "-t", "prod")
    return made


@pytest.fixture(scope="package")
def job(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallJob]:
    """The small main job, once through without a disturbance; its phases are broken and repeated."""
    made = SmallJob(tmp_path_factory.mktemp("small-job"))
    try:
        made.walk()
        yield made
    finally:
        made.close()
