"""Fixtures: a workspace that a module shares, and homes in which a test may do as it likes."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import LocalWorkspace, WorkspaceHome

# A shell lets what it starts in the background ignore interrupts; the commands under test must not inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

# The Spark client takes a `__main__` without a file, as pytest-xdist's workers have it, for a doctest run and exits.
if getattr(sys.modules["__main__"], "__file__", None) is None:
    sys.modules["__main__"].__file__ = __file__


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of a module run in one process; so do those of modules that share a long preparation."""
    for item in items:
        module = item.nodeid.partition("::")[0]
        shared = "flights" in getattr(item, "fixturenames", ()) and "main_job" in module
        item.add_marker(pytest.mark.xdist_group("flights" if shared else module))


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
