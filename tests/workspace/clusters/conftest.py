"""A workspace with clusters, which the tests of this package share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.workspace.clusters.cluster_lab import ClusterLab
from tests.workspace.compute.compute_support import Lab


@pytest.fixture(scope="package")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterLab]:
    """The workspace; tests make clusters of their own in it."""
    with ClusterLab(Lab(tmp_path_factory.mktemp("clusters") / "lab")) as made:
        yield made


@pytest.fixture(autouse=True)
def _sessions(request: pytest.FixtureRequest) -> Iterator[None]:
    """Ends the sessions of a test."""
    yield
    if "lab" in request.fixturenames:
        request.getfixturevalue("lab").end_sessions()
