"""Servers that end with the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.scoring.online.served import Served


@pytest.fixture
def start() -> Iterator[Callable[..., Served]]:
    started: list[Served] = []

    def begin(*arguments: str) -> Served:
        started.append(Served(*arguments))
        return started[-1]

    yield begin
    for served in started:
        served.close()
