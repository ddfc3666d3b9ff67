"""Endpoints: wait for models, follow aliases without a lost request, survive crashes and bad updates."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import psutil
import pytest

from brickyard.scoring.model import load_model
from brickyard.workspace.api.errors import (
    InvalidParameterValue,
    InvalidState,
    NotImplementedByWorkspace,
    ResourceAlreadyExists,
    ResourceConflict,
    ResourceDoesNotExist,
    TemporarilyUnavailable,
)
from tests.scoring import models
from tests.support import wait_for
from tests.workspace.serving.conftest import ADMIN, ME, MODEL, Bench

Models = tuple[Path, Path]


def predictions(reply: Any) -> list[float]:
    assert reply.status == 200, reply.body
    return json.loads(reply.body)["predictions"]


def test_serves_the_version_that_an_alias_means(bench: Bench, two_models: Models) -> None:
    bench.register(1, two_models[0], "champion")
    created = bench.create("delay", "@champion")
    assert created.state.config_update.value == "IN_PROGRESS"
    ready = bench.wait_ready("delay", 1)
    assert ready.config.served_entities[0].entity_version == "@champion"
    assert ready.state.config_update.value == "NOT_UPDATING"
    frame = models.rows(5)
    replica, reply = bench.ask("delay", frame)
    assert predictions(reply) == load_model(two_models[0]).pyfunc.predict(frame).tolist()
    assert (replica.version, reply.rung) == (1, "plan")


def test_waits_for_a_model_and_says_so(bench: Bench, two_models: Models) -> None:
    bench.create("delay", "champion")
    waiting = wait_for(lambda: (got := bench.serving.get("delay")).state.config_update.value != "IN_PROGRESS" and got)
    assert waiting.state.ready.value == "NOT_READY"
    message = waiting.config.served_entities[0].state.deployment_state_message
    assert message == f"waiting for a version of {MODEL} with the alias 'champion'"
    with pytest.raises(InvalidState, match="waiting for a version of"):
        bench.ask("delay")
    bench.register(1, two_models[0], "champion")
    bench.wait_ready("delay", 1)


def test_no_request_is_lost_while_an_alias_moves(bench: Bench, two_models: Models) -> None:
    bench.register(1, two_models[0], "champion")
    bench.register(2, two_models[1])
    bench.create("delay", "champion")
    bench.wait_ready("delay", 1)
    frame, seen, stop = models.rows(1), [], threading.Event()
    right = {number: load_model(path).pyfunc.predict(frame).tolist() for number, path in enumerate(two_models, 1)}

    def ask() -> None:
        while not stop.is_set():
            replica, reply = bench.ask("delay", frame)
            seen.append((replica.version, predictions(reply) == right[replica.version]))

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for version in (2, 1, 2):
        bench.register(version, two_models[version - 1], "champion")
        bench.wait_ready("delay", version)
    stop.set()
    for thread in threads:
        thread.join()
    assert {version for version, _ in seen} == {1, 2}
    assert all(correct for _, correct in seen)
    wait_for(lambda: len(children()) == 1)


def children() -> list[psutil.Process]:
    """Scoring processes: those that were forked from the template, which is no such process itself."""
    found = [child for template in psutil.Process().children() for child in template.children()]
    return [child for child in found if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]


def test_a_killed_process_starts_again_and_requests_wait_for_it(bench: Bench, two_models: Models) -> None:
    bench.register(1, two_models[0])
    bench.create("delay", "1")
    bench.wait_ready("delay", 1)
    replica, _ = bench.ask("delay")
    killed = replica.process.pid
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    replica, reply = bench.ask("delay")
    assert predictions(reply)
    assert replica.process.pid != killed


def test_a_model_that_cannot_be_loaded_fails_with_its_reason(bench: Bench, broken_model: Path) -> None:
    bench.register(1, broken_model, "champion")
    bench.create("delay", "champion")
    failed = wait_for(lambda: (got := bench.serving.get("delay")).state.config_update.value == "UPDATE_FAILED" and got)
    state = failed.config.served_entities[0].state
    assert state.deployment.value == "DEPLOYMENT_FAILED"
    assert "the model could not be loaded" in state.deployment_state_message
    with pytest.raises(InvalidState, match="could not be loaded"):
        bench.ask("delay")


def test_a_failed_update_keeps_the_old_version_serving(bench: Bench, two_models: Models, broken_model: Path) -> None:
    bench.register(1, two_models[0])
    bench.register(2, broken_model)
    bench.create("delay", "1")
    bench.wait_ready("delay", 1)
    entity = {"entity_name": MODEL, "entity_version": "2"}
    updating = bench.serving.update_config("delay", {"served_entities": [entity]}, ME)
    assert updating.state.config_update.value == "IN_PROGRESS"
    assert updating.pending_config.served_entities[0].entity_version == "2"
    with pytest.raises(ResourceConflict):
        bench.serving.update_config("delay", {"served_entities": [entity]}, ME)
    failed = wait_for(lambda: (got := bench.serving.get("delay")).state.config_update.value == "UPDATE_FAILED" and got)
    assert failed.state.ready.value == "READY"
    assert failed.config.served_entities[0].entity_version == "1"
    assert bench.ask("delay")[0].version == 1


def test_traffic_is_split_by_percentage(bench: Bench, two_models: Models) -> None:
    for version, path in enumerate(two_models, 1):
        bench.register(version, path)
    routes = [
        {"served_entity_name": "delay-1", "traffic_percentage": "90"},
        {"served_model_name": "delay-2", "traffic_percentage": 10},
    ]
    entities = [{"entity_name": MODEL, "entity_version": version} for version in ("1", "2")]
    config = {"served_entities": entities, "traffic_config": {"routes": routes}}
    bench.serving.create({"name": "delay", "config": config}, ME)
    wait_for(lambda: bench.serving.get("delay").state.ready.value == "READY", seconds=60)
    asked = Counter(bench.ask("delay")[0].version for _ in range(200))
    assert abs(asked[2] - 20) <= 2
    assert {bench.ask("delay", entity="delay-2")[0].version for _ in range(5)} == {2}
    with pytest.raises(ResourceDoesNotExist, match="no served entity 'delay-3'"):
        bench.ask("delay", entity="delay-3")


def test_endpoints_come_back_after_a_restart(bench: Bench, two_models: Models) -> None:
    bench.register(1, two_models[0], "champion")
    bench.create("delay", "champion", tags=[{"key": "team", "value": "ops"}])
    bench.wait_ready("delay", 1)
    bench.restart()
    assert bench.wait_ready("delay", 1).tags[0].value == "ops"
    bench.serving.delete("delay")
    with pytest.raises(ResourceDoesNotExist):
        bench.ask("delay")
    assert children() == []


ENTITY = {"entity_name": MODEL, "entity_version": "1"}


@pytest.mark.parametrize(
    ("body", "error", "message"),
    [
        (
            {"ai_gateway": {"guardrails": {"input": {"safety": True}}}},
            NotImplementedByWorkspace,
            "ai_gateway.guardrails",
        ),
        ({"ai_gateway": {"fallback_config": {}}}, InvalidParameterValue, "fallback_config.enabled is required"),
        (
            {"ai_gateway": {"usage_tracking_config": {"enabled": True}}},
            NotImplementedByWorkspace,
            "ai_gateway.usage_tracking_config",
        ),
        ({"rate_limits": [{"calls": 1}]}, InvalidParameterValue, "renewal_period is required"),
        ({"rate_limits": [{"calls": -1, "renewal_period": "minute"}]}, InvalidParameterValue, "at least 0; got -1"),
        (
            {"ai_gateway": {"rate_limits": [{"tokens": 1, "renewal_period": "minute"}]}},
            NotImplementedByWorkspace,
            "rate_limits.0..tokens",
        ),
        ({"tags": [{"key": "brickyard.scale_to_zero_seconds", "value": "-1"}]}, InvalidParameterValue, "above 0"),
        (
            {"config": {"served_entities": [ENTITY], "auto_capture_config": {"enabled": True}}},
            InvalidParameterValue,
            "auto_capture_config needs catalog_name",
        ),
        ({"tags": [{"key": "brickyard.capture.sampling_fraction", "value": "2"}]}, InvalidParameterValue, "at most 1"),
        (
            {"config": {"served_entities": [{"name": "x", "external_model": {"name": "gpt"}}]}},
            NotImplementedByWorkspace,
            "served_entities.external_model",
        ),
        (
            {"config": {"served_entities": [{**ENTITY, "max_provisioned_throughput": 9}]}},
            NotImplementedByWorkspace,
            "max_provisioned_throughput",
        ),
        (
            {"config": {"served_entities": [{**ENTITY, "environment_vars": {"A=B": "c"}}]}},
            InvalidParameterValue,
            "'A=B' is not a name",
        ),
        (
            {"config": {"served_entities": [{**ENTITY, "scale_to_zero_enabled": "often"}]}},
            InvalidParameterValue,
            "scale_to_zero_enabled must be true or false",
        ),
        ({"config": {}}, InvalidParameterValue, "served_entities"),
        ({"name": "a b"}, InvalidParameterValue, "a b"),
        ({"config": {"served_entities": [{**ENTITY, "entity_name": "delay"}]}}, InvalidParameterValue, "delay"),
        ({"config": {"served_entities": [ENTITY, ENTITY]}}, InvalidParameterValue, "must differ"),
        (
            {"config": {"served_entities": [ENTITY], "traffic_config": {"routes": [{"served_model_name": "other"}]}}},
            InvalidParameterValue,
            "'other'",
        ),
    ],
)
def test_what_is_not_supported_or_wrong_is_named(bench: Bench, body: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        bench.serving.create({"name": "delay", "config": {"served_entities": [ENTITY]}, **body}, ME)
    assert bench.serving.all(ADMIN) == []


@pytest.mark.parametrize(
    ("model", "version"),
    [(MODEL, "0"), (MODEL, "\u0663"), (MODEL, "9" * 25), (MODEL, "9" * 5000), (MODEL, "latest"), ("main.a b.c", "1")],
)
def test_what_can_never_be_a_version_is_not_waited_for(bench: Bench, model: str, version: str) -> None:
    config = {"served_entities": [{"name": "x", "entity_name": model, "entity_version": version}]}
    with pytest.raises(InvalidParameterValue):
        bench.serving.create({"name": "delay", "config": config}, ME)


def test_settings_come_back_as_they_were_written(bench: Bench) -> None:
    settings = {"workload_size": "Small", "workload_type": "CPU", "scale_to_zero_enabled": "true"}
    config = {"served_entities": [{**ENTITY, **settings, "environment_vars": {"K": "v"}}]}
    created = bench.serving.create({"name": "delay", "config": config}, ME).as_dict()["config"]
    expected = {**settings, "scale_to_zero_enabled": True, "environment_vars": {"K": "v"}}
    for entity in (created["served_entities"][0], created["served_models"][0]):
        assert {name: entity[name] for name in expected} == expected


def test_a_failure_of_the_registry_is_told_and_does_not_last(
    bench: Bench, two_models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(name: str, version: int) -> Any:
        raise OSError("the disk is away")

    bench.register(1, two_models[0])
    with monkeypatch.context() as patched:
        patched.setattr(bench.registry, "model_version", broken)
        bench.create("delay", "1")
        wait_for(lambda: "the disk is away" in json.dumps(bench.serving.get("delay").as_dict()))
        with pytest.raises(InvalidState, match="the disk is away"):
            bench.ask("delay")
    bench.wait_ready("delay", 1)


def test_the_news_of_one_endpoint_do_not_hide_the_failure_of_another(
    bench: Bench, two_models: Models, broken_model: Path
) -> None:
    bench.register(1, two_models[0], "champion")
    bench.register(2, broken_model)
    bench.register(3, two_models[1])
    for name, version in (("pinned", "1"), ("following", "champion")):
        bench.create(name, version)
        bench.wait_ready(name, 1)
    bench.serving.update_config("pinned", {"served_entities": [{"entity_name": MODEL, "entity_version": "2"}]}, ME)
    wait_for(lambda: bench.serving.get("pinned").state.config_update.value == "UPDATE_FAILED", seconds=60)
    bench.register(3, two_models[1], "champion")
    bench.wait_ready("following", 3)
    assert bench.serving.get("pinned").state.config_update.value == "UPDATE_FAILED"


def test_an_endpoint_that_is_made_again_is_not_disturbed_by_the_end_of_the_first(
    bench: Bench, two_models: Models
) -> None:
    for version, path in enumerate(two_models, 1):
        bench.register(version, path)
    bench.create("delay", "1")
    bench.wait_ready("delay", 1)
    deleting = threading.Thread(target=bench.serving.delete, args=("delay",))
    deleting.start()
    wait_for(lambda: "delay" not in [one.name for one in bench.serving.all(ADMIN)])
    bench.create("delay", "2")
    bench.wait_ready("delay", 2)
    deleting.join()
    replica, reply = bench.ask("delay", models.rows(3))
    assert replica.version == 2
    assert predictions(reply) == load_model(two_models[1]).pyfunc.predict(models.rows(3)).tolist()
    wait_for(lambda: len(children()) == 1)


def test_requests_to_an_endpoint_that_is_deleted_all_get_an_answer(bench: Bench, two_models: Models) -> None:
    bench.register(1, two_models[0])
    bench.create("delay", "1")
    bench.wait_ready("delay", 1)
    asked = [bench.submit("delay", models.rows(1)) for _ in range(50)]
    bench.serving.delete("delay")
    asked += [bench.submit("delay", models.rows(1)) for _ in range(50)]
    ends = [one.exception(30) or one.result()[1].status for one in asked]
    assert all(end == 200 or isinstance(end, TemporarilyUnavailable | ResourceDoesNotExist) for end in ends)
    assert isinstance(ends[-1], ResourceDoesNotExist)


_PARENT = """
import subprocess, sys
import mlflow


class Parent(mlflow.pyfunc.PythonModel):
    def load_context(self, context):
        self.child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])

    def predict(self, context, model_input, params=None):
        return [self.child.pid] * len(model_input)


mlflow.models.set_model(Parent())
"""


@pytest.mark.parametrize("end", ["deleted", "killed"])
def test_what_a_model_has_started_ends_with_its_process(bench: Bench, tmp_path: Path, end: str) -> None:
    import mlflow.pyfunc

    (tmp_path / "parent.py").write_text(_PARENT)
    signature = mlflow.models.infer_signature(models.rows(1), [1])
    code, path = str(tmp_path / "parent.py"), tmp_path / "model"
    mlflow.pyfunc.save_model(str(path), python_model=code, signature=signature, pip_requirements=[])
    bench.register(1, path)
    bench.create("delay", "1")
    bench.wait_ready("delay", 1)
    replica, reply = bench.ask("delay")
    child = psutil.Process(int(predictions(reply)[0]))
    if end == "deleted":
        bench.serving.delete("delay")
    else:
        assert replica.process.pid is not None
        os.kill(replica.process.pid, signal.SIGKILL)
    wait_for(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)


def test_a_name_is_taken_once(bench: Bench) -> None:
    bench.create("delay", "1")
    with pytest.raises(ResourceAlreadyExists, match="'delay' already exists"):
        bench.create("delay", "1")
