"""Under load: updates, canaries, shadows, roll-backs and killed processes lose no answer, and give no wrong one."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from brickyard.scoring.model import load_model
from brickyard.workspace.api.errors import TemporarilyUnavailable
from brickyard.workspace.serving.routing import Request
from brickyard.workspace.serving.settings import SHADOW_TAG
from tests.scoring import models
from tests.support import wait_for
from tests.workspace.serving.conftest import ME, Bench
from tests.workspace.serving.test_shadow import metric, served

pytestmark = pytest.mark.timeout(180)
CLIENTS = 4


class Load:
    """Clients that ask one after the other, and what they were answered."""

    def __init__(self, bench: Bench, expected: dict[int, list[float]]) -> None:
        plain = models.rows(3).astype(object).where(models.rows(3).notna(), None)
        split = {"columns": list(plain), "data": plain.to_numpy().tolist()}
        self._body = json.dumps({"dataframe_split": split}).encode()
        self._bench, self._expected = bench, expected
        self.stopped = False
        self.answers: Counter[int] = Counter()
        self.failures: list[Exception] = []

    async def run(self) -> None:
        while not self.stopped:
            try:
                replica, reply = await self._bench.serving.query("delay", Request(self._body, "application/json"), ME)
            except TemporarilyUnavailable as error:
                self.failures.append(error)
                continue
            assert reply.status == 200, reply.body
            assert json.loads(reply.body)["predictions"] == self._expected[replica.version]
            self.answers[replica.version] += 1

    def more(self, version: int, count: int = 20) -> None:
        """Wait until that many more requests were answered by a version."""
        goal = self.answers[version] + count
        wait_for(lambda: self.answers[version] >= goal, seconds=60)


@contextmanager
def loaded(bench: Bench, expected: dict[int, list[float]]) -> Iterator[Load]:
    load = Load(bench, expected)
    clients = [asyncio.run_coroutine_threadsafe(load.run(), bench._loop) for _ in range(CLIENTS)]
    try:
        yield load
    finally:
        load.stopped = True
        for client in clients:
            client.result(60)


def update(bench: Bench, config: dict[str, Any]) -> None:
    bench.serving.update_config("delay", config, ME)
    wait_for(lambda: bench.serving.get("delay").state.config_update.value != "IN_PROGRESS", seconds=60)


def test_nothing_is_lost_and_nothing_is_wrong(bench: Bench, two_models: tuple[Path, Path], broken_model: Path) -> None:
    frame = models.rows(3)
    expected = {v: load_model(path).pyfunc.predict(frame).tolist() for v, path in enumerate(two_models, 1)}
    for version, path in enumerate((*two_models, broken_model), 1):
        bench.register(version, path)
    bench.serving.create({"name": "delay", "config": served(100)}, ME)
    bench.wait_ready("delay", 1)
    with loaded(bench, expected) as load:
        load.more(1)
        update(bench, served(100, 0))
        bench.serving.patch_tags("delay", {"add_tags": [{"key": SHADOW_TAG, "value": "v2"}]}, ME)
        wait_for(lambda: metric(bench, "shadow_request_count_total") > 20, seconds=60)
        assert load.answers[2] == 0
        bench.serving.patch_tags("delay", {"delete_tags": [SHADOW_TAG]}, ME)
        update(bench, served(80, 20))  # a canary
        load.more(2)
        update(bench, served(50, 50, 0))  # of which one cannot be loaded
        assert bench.serving.get("delay").state.config_update.value == "UPDATE_FAILED"
        load.more(2)
        update(bench, served(100, 0))  # rolled back
        load.more(1)  # meanwhile what was on its way has its answer
        answered = load.answers[2]
        load.more(1)
        assert load.answers[2] == answered
        assert load.failures == []
        (process,) = (
            one.process for one in bench.serving._endpoints["delay"].status.replicas.values() if one.version == 1
        )
        killed = process.pid
        assert killed is not None
        os.kill(killed, signal.SIGKILL)
        wait_for(lambda: process.pid != killed, seconds=60)
        load.more(1)
        assert len(load.failures) <= CLIENTS  # in flight on the killed process
        lost = len(load.failures)
        update(bench, served(0, 100))
        load.more(2)
        assert len(load.failures) == lost
    bench.serving.close()
    rows = bench.tables.rows("main.default.delay_payload")
    kept = Counter(row["status_code"] for row in rows if "shadow" not in dict(row["request_metadata"]))
    assert kept[200] == sum(load.answers.values())
