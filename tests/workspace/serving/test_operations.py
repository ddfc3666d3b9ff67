"""What is told of an endpoint at work: events, logs, metrics, OpenAPI; its rate limits; its rest."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from brickyard.runtime.redaction import Redactor
from brickyard.workspace.api.errors import InvalidState, RequestLimitExceeded, ResourceDoesNotExist
from brickyard.workspace.serving import events, limits, log
from tests.scoring import models
from tests.support import wait_for
from tests.workspace.serving.conftest import ADMIN, ME, MODEL, Bench

Models = tuple[Path, Path]
ENTITY = {"entity_name": MODEL, "entity_version": "1", "name": "one"}


def told(bench: Bench) -> list[str]:
    return [event.type for event in bench.serving.inspect.events("delay")][::-1]


def test_events_tell_what_happened(bench: Bench, two_models: Models, broken_model: Path) -> None:
    bench.register(1, two_models[0], "champion")
    bench.create("delay", "champion")
    bench.wait_ready("delay", 1)
    bench.register(2, two_models[1], "champion")
    bench.wait_ready("delay", 2)
    bench.register(3, broken_model)
    bench.serving.update_config("delay", {"served_entities": [{**ENTITY, "entity_version": "3"}]}, ME)
    wait_for(lambda: "UPDATE_FAILED" in told(bench), seconds=60)
    assert told(bench) == ["CREATED", "SERVING", "SERVING", "UPDATE_STARTED", "UPDATE_FAILED"]
    assert "version 2 of" in bench.serving.inspect.events("delay")[2].message
    assert "could not be loaded" in bench.serving.inspect.events("delay")[0].message
    bench.serving.delete("delay")
    bench.create("delay", "champion")
    assert told(bench)[0] == "CREATED" and "UPDATE_FAILED" not in told(bench)


def test_the_oldest_events_make_room(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "MOST_EVENTS", 3)
    log = events.EventLog(bench.store, "x", bench.woken.set)
    for number in range(5):
        log.add("E", str(number))
    assert [event.message for event in log.all()] == ["4", "3", "2"]


def test_metrics_logs_and_openapi(bench: Bench, two_models: Models) -> None:
    bench.register(1, two_models[0])
    with pytest.raises(ResourceDoesNotExist):
        bench.serving.inspect.metrics("delay")
    bench.serving.create({"name": "delay", "config": {"served_entities": [ENTITY]}}, ME)
    bench.wait_ready("delay", 1)
    bench.ask("delay")
    bench.send("delay", {"nothing": 1}).result(60)
    ((series, counted),) = bench.serving.inspect.requests("delay").items()
    assert (series, counted.requests, counted.client_errors) == (("one", 1), 2, 1)
    text = bench.serving.inspect.metrics("delay")
    labels = r'endpoint_name="delay",served_entity_name="one",model_version="1"'
    for name, value in (("request_count_total", 2), ("request_4xx_count_total", 1), ("request_5xx_count_total", 0)):
        assert f"{name}{{{labels}}} {value}\n" in text
    assert f'request_latency_ms_bucket{{{labels},le="+Inf"}} 2' in text
    assert re.search(rf"mem_usage_percentage{{{labels}}} [0-9.]+", text)
    assert "Serving with Python" in bench.serving.inspect.build_log("delay", "one")
    assert bench.serving.inspect.log("delay", "one") == ""
    with pytest.raises(ResourceDoesNotExist, match="no served entity 'two'"):
        bench.serving.inspect.log("delay", "two")
    operation = bench.serving.inspect.open_api("delay")["paths"]["/serving-endpoints/delay/invocations"]["post"]
    split, records, *_ = operation["requestBody"]["content"]["application/json"]["schema"]["oneOf"]
    assert split["properties"]["dataframe_split"]["properties"]["columns"]["example"] == list(models.COLUMNS)
    row = records["properties"]["dataframe_records"]["items"]["properties"]
    assert (row["hour"], row["gust"]) == ({"type": "integer", "format": "int32"}, {"type": "number", "format": "float"})


def test_the_build_log_tells_where_libraries_differ(bench: Bench, two_models: Models, tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("numpy<1\nno-such-library==3\n--index-url https://u:pw123@x/\nnumpy\n")
    bench.register(1, tmp_path)
    bench.create("delay", "1")
    log = bench.serving.inspect.build_log("delay", "delay-1")
    assert "which is ANOTHER VERSION" in log and "no-such-library==3: MISSING" in log and "pw123" not in log


def limited(calls: int, **more: Any) -> dict[str, Any]:
    return {"calls": calls, "renewal_period": "minute", **more}


def test_calls_over_the_limit_are_refused_until_the_minute_is_over(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [1000.0]
    monkeypatch.setattr(limits.time, "monotonic", lambda: clock[0])

    def ask(by: Any) -> str:
        error = bench.send("delay", {}, by).exception(30)
        if isinstance(error, RequestLimitExceeded):
            return str(error.retry_after)
        assert isinstance(error, InvalidState)  # it waits for a model; the limit is asked first
        return "counted"

    bench.create("delay", "7", rate_limits=[limited(2, key="user")])
    wait_for(lambda: bench.serving.get("delay").state.config_update.value == "NOT_UPDATING")
    assert [ask(ME), ask(ME), ask(ME), ask(ADMIN)] == ["counted", "counted", "60", "counted"]
    clock[0] += 59.5
    assert ask(ME) == "1"
    clock[0] += 0.5
    assert ask(ME) == "counted"
    of_me = limited(0, key="user", principal=ME.user_name)
    bench.serving.put_rate_limits("delay", {}, ME)
    bench.serving.put_ai_gateway("delay", {"rate_limits": [limited(1), of_me, limited(5, key="user")]}, ME)
    assert [ask(ME), ask(ADMIN), ask(ADMIN)] == ["60", "counted", "60"]
    assert bench.serving.get("delay").ai_gateway.rate_limits[0].calls == 1
    bench.restart()
    assert ask(ME) == "60"


def test_an_idle_process_ends_and_the_next_request_starts_it(bench: Bench, two_models: Models) -> None:
    bench.register(1, two_models[0])
    resting = {**ENTITY, "scale_to_zero_enabled": True}
    tags = [{"key": "brickyard.scale_to_zero_seconds", "value": "0.05"}]
    bench.serving.create({"name": "delay", "config": {"served_entities": [resting]}, "tags": tags}, ME)
    wait_for(lambda: "SCALED_TO_ZERO" in told(bench), seconds=60)
    got = bench.serving.get("delay")
    assert got.state.ready.value == "READY"
    assert "scaled to zero" in got.config.served_entities[0].state.deployment_state_message
    (first,) = bench.serving._endpoints["delay"].status.replicas.values()
    wait_for(lambda: first.process._process.poll() is not None)
    ended = first.process.pid
    asked = [bench.submit("delay", models.rows(2)) for _ in range(4)]
    answers = [json.loads(one.result(60)[1].body)["predictions"] for one in asked]
    assert len(answers[0]) == 2 and all(answer == answers[0] for answer in answers)
    assert first.process.pid != ended
    wait_for(lambda: told(bench).count("SCALED_TO_ZERO") == 2, seconds=60)
    bench.serving.delete("delay")  # while it rests


def test_a_log_keeps_what_is_newest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "_MOST_BYTES", 200)
    path, (read, write) = tmp_path / "a.log", os.pipe()
    writer = log.ModelLog(read, path, Redactor())
    for number in range(100):
        os.write(write, f"line {number:03}\n".encode())
    os.close(write)
    writer.close()
    os.close(read)
    lines = path.read_text().splitlines()
    assert lines[-1] == "line 099" and 10 <= len(lines) <= 22
    assert lines == [f"line {number:03}" for number in range(100 - len(lines), 100)]
