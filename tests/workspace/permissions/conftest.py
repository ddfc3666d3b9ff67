"""Fixtures: a workspace for these tests, and a principal that may do nothing yet."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support import WorkspaceHome
from tests.workspace.permissions.people import Lab, Robot


@pytest.fixture(scope="package")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A running workspace whose permissions these tests change."""
    home = WorkspaceHome(tmp_path_factory.mktemp("home"))
    workspace = home.start("permissions")
    yield Lab(workspace, workspace.client(), tmp_path_factory.mktemp("files"))
    home.close()


@pytest.fixture(scope="package")
def robot(lab: Lab) -> Robot:
    """Somebody for all tests that take back what they grant."""
    return lab.robot()


@pytest.fixture
def other(lab: Lab) -> Robot:
    """Somebody of the test's own."""
    return lab.robot()
