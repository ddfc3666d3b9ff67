"""A browser that is signed in, and one that is not."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.support import LocalWorkspace


@pytest.fixture
def stranger(workspace: LocalWorkspace) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=workspace.host, timeout=60) as client:
        yield client


@pytest.fixture
def browser(workspace: LocalWorkspace) -> Iterator[httpx.Client]:
    """Signed in as people do: by the form, and from then on by the cookie alone."""
    with httpx.Client(base_url=workspace.host, timeout=60) as client:
        answer = client.post("/login", data={"token": workspace.token, "next": "/"})
        assert answer.status_code == 303
        yield client
