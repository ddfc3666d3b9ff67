"""What the history of a table says of commits of different writers."""

from __future__ import annotations

from typing import Any

import pytest

from brickyard.workspace.compute.gateway import histories

DONE, SAID = "operationMetrics", "operationParameters"
SAIL = {"engineInfo": "sail-delta-lake:0.7.2"}


@pytest.mark.parametrize(
    ("entry", "parameters", "metrics"),
    [
        (
            {
                "operation": "WRITE",
                SAID: {"mode": "Append"},
                DONE: {"numFiles": "1", "x": 2},
            },
            {"mode": "Append"},
            {"numFiles": "1"},
        ),
        (
            {"operation": "DELETE", SAID: {"predicate": "t . a = 2 "}, DONE: {}, **SAIL},
            {"predicate": '["t.a = 2"]'},
            {},
        ),
        (
            {"operation": "DELETE", SAID: {}, DONE: {"num_deleted_rows": 1}},
            {},
            {"numDeletedRows": 1},
        ),
        (
            {"operation": "UPDATE", SAID: {}, DONE: None, **SAIL},
            {"predicate": "[]"},
            None,
        ),
        (
            {
                "operation": "MERGE",
                SAID: {"mergePredicate": "a = b "},
                DONE: {"numFiles": 1},
            },
            {"predicate": '["a = b"]'},
            {},
        ),
        (
            {
                "operation": "OPTIMIZE",
                SAID: {"predicate": "[]", "targetSize": "1"},
                DONE: {"numFilesAdded": 1, "filesAdded": '{"min":7,"max":7,"totalSize":7}'},
            },
            {"predicate": "[]"},
            {"numAddedFiles": 1, "numAddedBytes": 7, "minFileSize": 7, "maxFileSize": 7},
        ),
    ],
)
def test_names_are_those_of_delta(entry: dict[str, Any], parameters: Any, metrics: Any) -> None:
    assert histories.parameters_of(entry) == parameters
    assert histories.metrics_of(entry) == metrics


def test_a_table_that_is_made_of_rows_is_said_to_be_so() -> None:
    made = {"operation": "CREATE TABLE", SAID: {"metadata": "{}", "mode": "x"}}
    assert histories.operation_of(made) == "CREATE TABLE"
    assert histories.operation_of({**made, DONE: {"numOutputRows": 1}}) == "CREATE TABLE AS SELECT"
    assert histories.parameters_of(made) == {}
    assert histories.isolation(made) is None
