"""Where a served entity fails, the AI gateway may let another answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from brickyard.workspace.api.errors import TemporarilyUnavailable
from brickyard.workspace.serving.settings import SHADOW_TAG
from tests.scoring import models
from tests.support import wait_for
from tests.workspace.serving.conftest import ME, Bench
from tests.workspace.serving.test_shadow import metric, served

_DYING = """
import os
import mlflow


class Dying(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        os._exit(3)


mlflow.models.set_model(Dying())
"""


@pytest.fixture
def dying(tmp_path: Path) -> Path:
    """A model whose process dies of its first request."""
    import mlflow.pyfunc

    (tmp_path / "dying.py").write_text(_DYING)
    signature = mlflow.models.infer_signature(models.rows(1), [1])
    code, path = str(tmp_path / "dying.py"), tmp_path / "model"
    mlflow.pyfunc.save_model(str(path), python_model=code, signature=signature, pip_requirements=[])
    return path


def test_another_entity_answers_where_one_fails_if_the_gateway_says_so(
    bench: Bench, two_models: tuple[Path, Path], dying: Path
) -> None:
    bench.register(1, dying)
    bench.register(2, two_models[0])
    bench.serving.create({"name": "delay", "config": served(100, 0)}, ME)
    wait_for(lambda: bench.serving.get("delay").state.ready.value == "READY", seconds=60)
    bench.serving.put_ai_gateway("delay", {"fallback_config": {"enabled": True}}, ME)
    assert bench.serving.get("delay").ai_gateway.fallback_config.enabled
    replica, reply = bench.ask("delay")
    assert (replica.version, reply.status) == (2, 200)
    assert (metric(bench, "request_count_total"), metric(bench, "request_5xx_count_total")) == (2, 1)
    bench.serving.patch_tags("delay", {"add_tags": [{"key": SHADOW_TAG, "value": "v2"}]}, ME)
    with pytest.raises(TemporarilyUnavailable, match="could not answer"):
        bench.ask("delay")


@pytest.mark.parametrize("falls_back", [False, True])
def test_one_that_was_given_up_answers_with_the_reason_or_lets_another_answer(
    bench: Bench, two_models: tuple[Path, Path], dying: Path, monkeypatch: pytest.MonkeyPatch, falls_back: bool
) -> None:
    def is_(state: str) -> bool:
        return bench.serving.get("delay").state.ready.value == state

    monkeypatch.setattr("brickyard.workspace.serving.process._STARTS", 1)
    bench.register(1, dying)
    bench.register(2, two_models[0])
    gateway = {"fallback_config": {"enabled": falls_back}}
    bench.serving.create({"name": "delay", "config": served(100, 0), "ai_gateway": gateway}, ME)
    wait_for(lambda: is_("READY"), seconds=60)
    for reason in ("could not answer", r"'v1' was given up, until .* ended with exit code 3"):
        failed = metric(bench, "request_5xx_count_total")
        if falls_back:
            assert bench.ask("delay")[0].version == 2
        else:
            with pytest.raises(TemporarilyUnavailable, match=reason):
                bench.ask("delay")
        assert metric(bench, "request_5xx_count_total") == failed + 1  # of v1, by which a rollout is judged
        wait_for(lambda: is_("NOT_READY"), seconds=60)
    bench.serving.update_config("delay", served(100, 0), ME)
    wait_for(lambda: is_("READY"), seconds=60)
