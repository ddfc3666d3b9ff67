"""Fixtures for tasks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.workspace.compute.compute_support import Lab


@pytest.fixture(scope="package")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A workspace whose compute is used directly; shared, so tests use names of their own in it."""
    lab = Lab(tmp_path_factory.mktemp("compute") / "lab")
    yield lab
    lab.close()
