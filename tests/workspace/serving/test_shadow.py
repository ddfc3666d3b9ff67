"""Shadows are sent what others answer, compared and recorded, and never answer."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from brickyard.scoring.online.answer import ARROW
from brickyard.scoring.online.encoding import encode
from brickyard.workspace.serving.settings import SHADOW_TAG
from brickyard.workspace.serving.shadow import Comparison, compare
from tests.scoring import models
from tests.support import wait_for
from tests.workspace.serving.conftest import ME, MODEL, Bench

Models = tuple[Path, Path]
PLACE = {"catalog_name": "main", "schema_name": "default"}


def served(*shares: int) -> dict[str, Any]:
    """Versions 1, 2 and so on, with these shares of the traffic."""
    entities = [{"entity_name": MODEL, "entity_version": str(v), "name": f"v{v}"} for v in range(1, len(shares) + 1)]
    routes = [{"served_entity_name": f"v{v}", "traffic_percentage": share} for v, share in enumerate(shares, 1)]
    return {"served_entities": entities, "traffic_config": {"routes": routes}, "auto_capture_config": PLACE}


def metric(bench: Bench, name: str) -> float:
    found = re.findall(rf"^{name}{{[^}}]*}} (\S+)$", bench.serving.inspect.metrics("delay"), re.MULTILINE)
    return sum(map(float, found))


def test_a_shadow_is_asked_compared_and_does_not_answer(bench: Bench, two_models: Models) -> None:
    for version, path in enumerate(two_models, 1):
        bench.register(version, path)
    bench.serving.create({"name": "delay", "config": served(100, 0)}, ME)
    wait_for(lambda: bench.serving.get("delay").state.ready.value == "READY", seconds=60)
    bench.ask("delay")
    bench.serving.patch_tags("delay", {"add_tags": [{"key": SHADOW_TAG, "value": "v2"}]}, ME)
    asked = [bench.submit("delay", models.rows(3)) for _ in range(10)]
    assert {one.result(60)[0].version for one in asked} == {1}
    bench.send("delay", {"nothing": 1}).result(60)  # what is refused is not mirrored
    wait_for(lambda: metric(bench, "shadow_request_count_total") == 10)
    assert (metric(bench, "request_count_total"), metric(bench, "shadow_error_count_total")) == (12, 0)
    assert metric(bench, "shadow_mismatch_count_total") == 10
    assert metric(bench, "shadow_difference_total") > 0
    bench.serving.patch_tags("delay", {"delete_tags": [SHADOW_TAG]}, ME)
    bench.ask("delay")
    assert bench.serving.inspect.events("delay")[0].type == "TAGS_CHANGED"
    bench.serving.close()
    rows = bench.tables.rows("main.default.delay_payload")
    shadows = [row for row in rows if dict(row["request_metadata"]).get("shadow") == "true"]
    assert (len(rows), len(shadows)) == (23, 10)
    answered = {row["databricks_request_id"]: row["response"] for row in rows if row not in shadows}
    assert all(answered[row["databricks_request_id"]] != row["response"] for row in shadows)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ({"predictions": [1.0, 2.0]}, {"predictions": [1.0, 2.0]}, Comparison(True)),
        ({"predictions": [1, 2]}, {"predictions": [1.0, 2.0]}, Comparison(True)),
        ({"predictions": [1.0, 2.0]}, {"predictions": [1.5, 2.0]}, Comparison(False, 0.25)),
        ({"predictions": [[1.0, 2.0]]}, {"predictions": [[0.0, 3.0]]}, Comparison(False, 1.0)),
        ({"predictions": ["late"]}, {"predictions": ["on time"]}, Comparison(False)),
        ({"predictions": [1.0]}, {"predictions": [1.0, 2.0]}, Comparison(False)),
        ([{"a": 1}], [{"a": 3}], Comparison(False, 2.0)),
    ],
)
def test_answers_are_compared_by_their_predictions(one: Any, other: Any, expected: Comparison) -> None:
    assert compare(json.dumps(one).encode(), json.dumps(other, indent=1).encode()) == expected
    assert compare(b"{", b"[") == Comparison(False)


def test_answers_as_arrow_are_compared_by_their_columns() -> None:
    one, other = (encode(np.array([1.0, 2.0 + add]), ARROW).body for add in (0, 0.5))
    assert compare(one, other) == Comparison(False, 0.25)
    assert compare(one[:60], other) == Comparison(False)
