"""Fixtures: a workspace that a module shares, and homes in which a test may do as it likes."""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from databricks.sdk.service import compute, jobs, serving, sql
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from tests.support import LocalWorkspace, WorkspaceHome

SHARED = {
    "tests/main_job/test_main_job.py": "flights",
    "tests/main_job/test_canary.py": "small job",
    "tests/main_job/test_failures.py": "small job",
    "tests/main_job/test_kills.py": "small job",
    "tests/main_job/test_disk.py": "small job",
}

# What takes longest, in the order in which it is begun.
LONGEST = (
    "tests/main_job/",
    "tests/conformance/",
    "tests/workspace/serving/test_service.py",
    "tests/workspace/test_process_backup.py",
    "tests/cli/test_workspace.py",
    "tests/workspace/test_process_tls.py",
    "tests/workspace/store/",
    "tests/workspace/permissions/test_matrix.py",
    "tests/cli/",
    "tests/workspace/serving/",
    "tests/workspace/compute/rights/",
    "tests/workspace/audit/test_command.py",
    "tests/workspace/test_process",
    "tests/models/",
    "tests/clients/",
    "tests/workspace/secrets/",
    "tests/workspace/files/test_kill.py",
    "tests/workspace/test_fuzz.py",
    "tests/workspace/sql/",
)

# What is kept for a user (plans of models, MLflow's tables) is kept for this run only.
for _cache in ("BRICKYARD_CACHE", "BRICKYARD_PLAN_CACHE"):
    if _cache not in os.environ:
        os.environ[_cache] = tempfile.mkdtemp(prefix="cache-")
        atexit.register(shutil.rmtree, os.environ[_cache], ignore_errors=True)

# A shell lets what it starts in the background ignore interrupts; the commands under test must not inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

# The Spark client takes a `__main__` without a file, as pytest-xdist's workers have it, for a doctest run and exits.
# Forked commands run the file, so it is one that does nothing.
if getattr(sys.modules["__main__"], "__file__", None) is None:
    sys.modules["__main__"].__file__ = str(Path(__file__).with_name("__init__.py"))


class ByModule(LoadScopeScheduling):
    """Tests of a module run in one process; so do those of modules that share a long preparation."""

    def _split_scope(self, nodeid: str) -> str:
        module = nodeid.partition("::")[0]
        return SHARED.get(module, module)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByModule:
    """How pytest-xdist distributes the tests, whatever its `--dist` says."""
    return ByModule(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest modules come first, so that no process is left with one of them at the end."""
    items.sort(key=lambda item: next((i for i, name in enumerate(LONGEST) if item.nodeid.startswith(name)), 99))


@pytest.fixture(scope="session", autouse=True)
def _clients_look_often() -> None:
    """The SDK's waiters look every 0.1 s; as they are, they sleep for one, two, three ... seconds between looks."""
    often = SimpleNamespace(time=time.time, sleep=lambda seconds: time.sleep(min(seconds, 0.1)))
    for module in (compute, jobs, serving, sql):
        vars(module)["time"] = often


@pytest.fixture(scope="session")
def shared_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkspaceHome]:
    """A home for the whole session; its workspace is shared, so tests use names of their own in it."""
    home = WorkspaceHome(tmp_path_factory.mktemp("brickyard-home"))
    yield home
    home.close()


@pytest.fixture(scope="session")
def workspace(shared_home: WorkspaceHome) -> LocalWorkspace:
    """One running workspace, shared by the tests of a session; never stop or reset it."""
    return shared_home.start("shared")


@pytest.fixture
def workspaces(tmp_path: Path) -> Iterator[WorkspaceHome]:
    """A home of the test's own: start, stop, kill and break workspaces in it as you like."""
    home = WorkspaceHome(tmp_path / "home")
    yield home
    home.close()
