"""Updates that do not come to their end at once: they fail, wait, or the workspace ends meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from brickyard.workspace.api.errors import InvalidState, PermissionDenied
from brickyard.workspace.serving.config import EndpointConfig
from tests.support import wait_for
from tests.workspace.serving.conftest import ADMIN, ME, MODEL, Bench

Models = tuple[Path, Path]


def config(version: str) -> dict[str, Any]:
    return {"served_entities": [{"name": "one", "entity_name": MODEL, "entity_version": version}]}


def state_of(bench: Bench) -> str:
    return str(bench.serving.get("delay").state.config_update.value)


def test_what_serves_goes_on_while_an_update_waits(bench: Bench, two_models: Models) -> None:
    bench.register(1, two_models[0], "champion")
    bench.create("delay", "champion")
    bench.wait_ready("delay", 1)
    entities = [*config("challenger")["served_entities"], {**config("champion")["served_entities"][0], "name": "two"}]
    routes = [{"served_entity_name": "one", "traffic_percentage": 100}]
    asked = {"served_entities": entities, "traffic_config": {"routes": routes}}
    bench.serving.update_config("delay", asked, ME)
    wait_for(lambda: bench.serving._endpoints["delay"].status.messages)
    told = [one.state.deployment_state_message for one in bench.serving.get("delay").pending_config.served_entities]
    assert told == [
        f"waiting for a version of {MODEL} with the alias 'challenger'",
        "waiting for the other served entities",
    ]
    bench.register(2, two_models[1], "champion")
    wait_for(lambda: bench.ask("delay")[0].version == 2)
    bench.restart()
    wait_for(lambda: bench.serving.get("delay").state.ready.value == "READY")
    assert bench.ask("delay")[0].version == 2 and state_of(bench) == "IN_PROGRESS"
    bench.register(1, two_models[0], "challenger")
    wait_for(lambda: state_of(bench) == "NOT_UPDATING")
    assert bench.ask("delay")[0].version == 1


def test_an_update_that_a_crash_has_interrupted_fails_and_the_old_version_serves(
    bench: Bench, two_models: Models, broken_model: Path
) -> None:
    bench.register(1, two_models[0])
    bench.register(2, broken_model)
    bench.create("delay", "1")
    bench.wait_ready("delay", 1)
    bench.serving.close()
    bench.serving._records.put_pending("delay", EndpointConfig.parse(config("2")))
    bench.restart()
    wait_for(lambda: state_of(bench) == "UPDATE_FAILED")
    assert bench.ask("delay")[0].version == 1


def test_a_failed_update_is_told_until_the_next_one(bench: Bench, two_models: Models, broken_model: Path) -> None:
    bench.register(1, two_models[0])
    bench.register(2, broken_model)
    bench.create("delay", "1")
    bench.wait_ready("delay", 1)
    bench.serving.update_config("delay", config("2"), ME)
    wait_for(lambda: state_of(bench) == "UPDATE_FAILED")
    looked = threading.Semaphore(0)
    bench.registry.looked = looked.release
    for value in "ab":  # the second look begins when the first has ended
        bench.serving.patch_tags("delay", {"add_tags": [{"key": "team", "value": value}]}, ME)
        assert looked.acquire(timeout=30)
    assert state_of(bench) == "UPDATE_FAILED"
    bench.serving.update_config("delay", config("1"), ME)
    wait_for(lambda: state_of(bench) == "NOT_UPDATING")


class LateNews(threading.Event):
    """Something happens when a pause is just over."""

    def __init__(self, happens: Callable[[], object]) -> None:
        super().__init__()
        self.news = [happens]

    def wait(self, timeout: float | None = None) -> bool:
        if timeout is None or not self.news:
            return super().wait(timeout)
        self.news.pop()()
        return False


def test_news_at_the_end_of_a_pause_are_not_lost(bench: Bench, two_models: Models) -> None:
    for version, path in enumerate(two_models, 1):
        bench.register(version, path)
    resting = {**config("1")["served_entities"][0], "scale_to_zero_enabled": True}
    bench.serving.create({"name": "delay", "config": {"served_entities": [resting]}}, ME)
    bench.wait_ready("delay", 1)
    endpoint = bench.serving._endpoints["delay"]
    before, endpoint._wake = endpoint._wake, LateNews(lambda: bench.serving.update_config("delay", config("2"), ME))
    before.set()
    wait_for(lambda: bench.ask("delay")[0].version == 2)


def waits_for_the_right(bench: Bench) -> bool:
    endpoint = bench.serving._endpoints.get("delay")
    return endpoint is not None and "EXECUTE" in str(endpoint.status.messages)


def test_models_are_served_with_the_rights_of_who_made_the_endpoint(bench: Bench, two_models: Models) -> None:
    bench.register(1, two_models[0], "champion")
    bench.create("delay", "champion")
    bench.wait_ready("delay", 1)
    bench.registry.refused.add(ME.user_name)
    bench.register(2, two_models[1], "champion")
    wait_for(lambda: waits_for_the_right(bench))
    assert bench.ask("delay")[0].version == 1
    with pytest.raises(PermissionDenied, match="rights of who made it"):
        bench.serving.update_config("delay", config("1"), ADMIN)
    bench.restart()
    wait_for(lambda: waits_for_the_right(bench))
    with pytest.raises(InvalidState, match="who made the endpoint, may execute"):
        bench.ask("delay")
    bench.registry.refused.clear()
    bench.wait_ready("delay", 2)
