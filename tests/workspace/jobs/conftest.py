"""The lab of a test, and a client of the shared workspace."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import LocalWorkspace
from tests.workspace.jobs.job_client import Client
from tests.workspace.jobs.lab import Lab


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    made = Lab(tmp_path)
    yield made
    made.workspace.close()


@pytest.fixture
def client(workspace: LocalWorkspace) -> Client:
    return Client(workspace)
