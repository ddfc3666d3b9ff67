"""Requests to a served entity whose process has ended for good."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import Any, cast

from brickyard.workspace.serving.endpoint import Endpoint
from brickyard.workspace.serving.routing import Request, route


def test_a_request_that_an_entity_could_not_be_asked_is_on_its_record_as_failed() -> None:
    kept: list[Any] = []
    replica = SimpleNamespace(
        entity=SimpleNamespace(name="rollout-candidate", model="main.m.delay"),
        version=2,
        process=SimpleNamespace(failure="it ended three times"),
    )
    endpoint = SimpleNamespace(
        name="delay", choose=lambda: replica, record=lambda _, exchange, shadow: kept.append((exchange, shadow))
    )
    assert asyncio.run(route(cast("Endpoint", endpoint), Request(b"{}", "application/json"))) is None
    ((exchange, shadow),) = kept
    assert (exchange.status, exchange.metadata["model_version"], shadow) == (503, "2", False)
    assert "rollout-candidate" in json.loads(exchange.response)["message"]
