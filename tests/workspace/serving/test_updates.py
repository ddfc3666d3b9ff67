"""Updates that do not come to their end at once: they fail, wait, or the workspace ends meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from brickyard.plan.kinds.serving import ServingEndpoints
from brickyard.workspace.api.errors import InvalidParameterValue, InvalidState, PermissionDenied
from brickyard.workspace.serving.config import EndpointConfig
from tests.support import wait_for
from tests.workspace.serving.conftest import ADMIN, ME, MODEL, Bench

Models = tuple[Path, Path]


def config(version: str) -> dict[str, Any]:
    return {"served_entities": [{"name": "one", "entity_name": MODEL, "entity_version": version}]}


def serve_beside(bench: Bench, good: Path, broken: Path) -> None:
    """Serve version 1, where version 2 cannot be loaded."""
    bench.register(1, good)
    bench.register(2, broken)
    bench.create("delay", "1")
    bench.wait_ready("delay", 1)


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
    serve_beside(bench, two_models[0], broken_model)
    bench.serving.close()
    bench.serving._records.put_pending("delay", EndpointConfig.parse(config("2")))
    bench.restart()
    wait_for(lambda: state_of(bench) == "UPDATE_FAILED")
    assert bench.ask("delay")[0].version == 1


def test_a_failed_update_is_told_until_the_next_one(bench: Bench, two_models: Models, broken_model: Path) -> None:
    serve_beside(bench, two_models[0], broken_model)
    bench.serving.update_config("delay", config("2"), ME)
    wait_for(lambda: state_of(bench) == "UPDATE_FAILED")
    looked = threading.Semaphore(0)
    bench.registry.looked = looked.release
    for value in "ab":  # the second look begins when the first has ended
        bench.serving.patch_tags("delay", {"add_tags": [{"key": "team", "value": value}]}, ME)
        assert looked.acquire(timeout=30)
    assert state_of(bench) == "UPDATE_FAILED"
    bench.restart()
    assert bench.wait_ready("delay", 1).state.config_update.value == "UPDATE_FAILED"
    bench.serving.update_config("delay", config("1"), ME)
    wait_for(lambda: state_of(bench) == "NOT_UPDATING")
    assert bench.serving.get("delay").pending_config is None


def test_a_failed_update_stays_with_its_reason_and_its_log(
    bench: Bench, two_models: Models, broken_model: Path
) -> None:
    serve_beside(bench, two_models[0], broken_model)
    bench.serving.update_config("delay", config("2"), ME)
    wait_for(lambda: state_of(bench) == "UPDATE_FAILED")
    found = bench.serving.get("delay")
    (failed,), (live,) = found.pending_config.served_entities, found.config.served_entities
    assert (failed.entity_version, failed.state.deployment.value) == ("2", "DEPLOYMENT_FAILED")
    assert "could not be loaded" in failed.state.deployment_state_message
    assert live.state.deployment_state_message == f"serving version 1 of {MODEL}"
    log = bench.serving.inspect.log("delay", failed.name)
    assert "Traceback (most recent call last)" in log and "ModelError" in log
    assert bench.serving.inspect.build_log("delay", failed.name)
    connection = SimpleNamespace(call=lambda method, path: found.as_dict())
    deployed = ServingEndpoints().read(connection, "delay")  # what the next deployment compares with
    assert [one["entity_version"] for one in deployed["config"]["served_entities"]] == ["1"]


def test_an_alias_that_leads_to_a_broken_version_takes_the_place_of_an_update_that_failed(
    bench: Bench, two_models: Models, broken_model: Path
) -> None:
    bench.register(1, two_models[0], "champion")
    bench.register(2, broken_model)
    bench.create("delay", "champion")
    bench.wait_ready("delay", 1)
    bench.serving.update_config("delay", config("2"), ME)
    wait_for(lambda: state_of(bench) == "UPDATE_FAILED")
    bench.register(3, broken_model, "champion")
    wait_for(lambda: bench.serving.get("delay").pending_config is None)
    found = bench.serving.get("delay")
    assert "the last update failed" in found.config.served_entities[0].state.deployment_state_message
    assert (found.state.ready.value, found.state.config_update.value) == ("READY", "UPDATE_FAILED")


def test_the_first_configuration_is_pending_until_it_serves(bench: Bench, two_models: Models) -> None:
    made = bench.create("delay", "1")
    (waits,) = made.pending_config.served_entities
    assert (waits.entity_version, waits.state.deployment.value) == ("1", "DEPLOYMENT_CREATING")
    assert made.pending_config.served_models[0].model_version == "1"
    bench.register(1, two_models[0])
    assert bench.wait_ready("delay", 1).pending_config is None


def test_an_update_may_name_only_what_it_changes(bench: Bench, two_models: Models) -> None:
    for version, path in enumerate(two_models, 1):
        bench.register(version, path)
    shares = [{"served_model_name": f"delay-{version}", "traffic_percentage": 50} for version in (1, 2)]
    entities = [{"entity_name": MODEL, "entity_version": str(version)} for version in (1, 2)]
    both = {"served_entities": entities, "traffic_config": {"routes": shares}}
    bench.serving.create({"name": "delay", "config": both}, ME)
    wait_for(lambda: bench.serving.get("delay").state.ready.value == "READY")
    shares[0]["traffic_percentage"], shares[1]["traffic_percentage"] = 0, 100
    bench.serving.update_config("delay", {"traffic_config": {"routes": shares}}, ME)
    wait_for(lambda: state_of(bench) == "NOT_UPDATING")
    found = bench.serving.get("delay").config
    assert [one.entity_version for one in found.served_entities] == ["1", "2"]
    assert [one.traffic_percentage for one in found.traffic_config.routes] == [0, 100]
    assert {bench.ask("delay")[0].version for _ in range(4)} == {2}
    for nothing in ({}, {"served_entities": []}):
        with pytest.raises(InvalidParameterValue, match="must list at least one entity"):
            bench.serving.update_config("delay", nothing, ME)


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


def test_sizes_are_kept_as_they_were_written(bench: Bench) -> None:
    entity = {"entity_name": MODEL, "entity_version": "1", "min_provisioned_concurrency": 4}
    entity["workload_type"] = "GPU_SMALL"
    made = bench.serving.create({"name": "delay", "config": {"served_entities": [entity]}}, ME)
    assert made.config.served_entities[0].as_dict().items() >= entity.items()


@pytest.mark.parametrize(
    "wrong",
    [
        {"workload_type": "GPU_TINY"},
        {"min_provisioned_concurrency": 3},
        {"max_provisioned_concurrency": "4"},
        {"min_provisioned_concurrency": 8, "max_provisioned_concurrency": 4},
        {"min_provisioned_concurrency": 4, "workload_size": "Small"},
    ],
)
def test_a_size_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    entity = {"entity_name": MODEL, "entity_version": "1", **wrong}
    with pytest.raises(InvalidParameterValue):
        EndpointConfig.parse({"served_entities": [entity]})


def test_shares_name_an_entity_once() -> None:
    routes = [{"served_entity_name": "one", "traffic_percentage": 50}] * 2
    with pytest.raises(InvalidParameterValue, match="more than once"):
        EndpointConfig.parse({**config("1"), "traffic_config": {"routes": routes}})
