"""Inference tables: what is kept of requests and answers, and that keeping it is in nobody's way."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable

from brickyard.workspace.api.errors import InvalidParameterValue, ResourceAlreadyExists
from brickyard.workspace.serving import capture
from brickyard.workspace.serving.capture import Capture, Exchange
from brickyard.workspace.serving.capture_settings import MASK_TAG, SAMPLING_TAG, CaptureConfig, CaptureSettings
from brickyard.workspace.serving.masking import mask, mask_answer
from brickyard.workspace.serving.settings import IDLE_TAG, EndpointSettings
from tests.scoring import models
from tests.support import wait_for
from tests.workspace.serving.conftest import ME, MODEL, Bench, DirectoryTables

PLACE = {"catalog_name": "main", "schema_name": "default"}
TABLE = "main.default.delay_payload"
ENTITY = {"entity_name": MODEL, "entity_version": "1", "name": "one"}
PLACE_OF_T = CaptureConfig("main", "default", "t")
SECRET = "the-pin-is-48151623"


def create(bench: Bench, *tags: tuple[str, str], **entity: Any) -> None:
    config = {"served_entities": [{**ENTITY, **entity}], "auto_capture_config": PLACE}
    bench.serving.create({"name": "delay", "config": config, "tags": [{"key": k, "value": v} for k, v in tags]}, ME)
    bench.wait_ready("delay", 1)


def turn_off(bench: Bench) -> None:
    """Stop keeping, which writes what waits."""
    update = {"served_entities": [ENTITY], "auto_capture_config": {**PLACE, "enabled": False}}
    bench.serving.update_config("delay", update, ME)
    wait_for(lambda: bench.serving.get("delay").state.config_update.value == "NOT_UPDATING", seconds=60)


def test_requests_and_answers_are_in_the_table_of_the_vendors_shape(
    bench: Bench, two_models: tuple[Path, Path]
) -> None:
    bench.register(1, two_models[0])
    bench.secrets.values["bank", "pin"] = SECRET.encode()
    create(bench, (MASK_TAG, "N1, hour"), environment_vars={"PIN": "{{secrets/bank/pin}}"})
    _, reply = bench.ask("delay", models.rows(2))
    row = json.loads(models.rows(1).to_json(orient="records"))[0]
    bench.send("delay", {"dataframe_records": [row], "client_request_id": f"mine {SECRET}"}).result(60)
    bench.send("delay", {"nothing": 1}).result(60)
    state = bench.serving.get("delay").config.auto_capture_config.state.payload_table
    assert (state.name, state.status) == ("delay_payload", "ACTIVE")
    turn_off(bench)
    bench.ask("delay")
    split, records, wrong = sorted(bench.tables.rows(TABLE), key=lambda one: one["timestamp_ms"])
    assert [one["status_code"] for one in (split, records, wrong)] == [200, 200, 400]
    assert split["response"] == reply.body.decode()
    assert [data[1] for data in json.loads(split["request"])["dataframe_split"]["data"]] == ["[REDACTED]"] * 2
    kept = json.loads(records["request"])["dataframe_records"][0]
    assert (kept["n1"], kept["hour"], kept["n2"]) == ("[REDACTED]", "[REDACTED]", row["n2"])
    assert (records["client_request_id"], wrong["response"]) == ("mine [REDACTED]", "[REDACTED]")
    assert SECRET not in str((split, records, wrong))
    metadata = {"endpoint_name": "delay", "served_entity_name": "one", "model_name": MODEL, "model_version": "1"}
    assert dict(split["request_metadata"]) == metadata
    assert len({one["databricks_request_id"] for one in (split, records, wrong)}) == 3


def test_the_table_stays_where_it_is_while_it_is_written_to(bench: Bench, two_models: tuple[Path, Path]) -> None:
    bench.register(1, two_models[0])
    create(bench)
    other = {"served_entities": [ENTITY], "auto_capture_config": {**PLACE, "table_name_prefix": "other"}}
    with pytest.raises(InvalidParameterValue, match=r"cannot be changed from main.default.delay_payload"):
        bench.serving.update_config("delay", other, ME)
    bench.serving.update_config("delay", {"served_entities": [ENTITY]}, ME)  # says nothing of the table
    wait_for(lambda: bench.serving.get("delay").config.config_version == 2, seconds=60)
    bench.ask("delay")
    bench.serving.update_config("delay", {"auto_capture_config": {"enabled": False}}, ME)
    wait_for(lambda: bench.serving.get("delay").config.config_version == 3, seconds=60)
    kept = bench.serving.get("delay").config.auto_capture_config
    assert (kept.enabled, kept.state.payload_table.status) == (False, "INACTIVE")
    bench.ask("delay")  # which is not kept
    taken = {"served_entities": [ENTITY], "auto_capture_config": {**PLACE, "table_name_prefix": "delay"}}
    with pytest.raises(ResourceAlreadyExists, match="already exists"):
        bench.serving.create({"name": "second", "config": taken}, ME)
    assert [one.name for one in bench.serving.all(ME)] in ([], ["delay"])
    bench.serving.delete("delay")
    assert len(bench.tables.rows(TABLE)) == 1


def exchange(request: bytes = b"{}", response: bytes = b"{}") -> Exchange:
    return Exchange("id", 1_700_000_000_000, 200, 1, request, "application/json", response, {})


class Gate(DirectoryTables):
    """Tables that can be away for a while."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.open, self.asked = threading.Event(), threading.Event()

    def directory(self, name: str, endpoint_id: str) -> Path:
        self.asked.set()
        if not self.open.is_set():
            raise OSError("the disk is away")
        return super().directory(name, endpoint_id)


def test_what_does_not_fit_is_counted_and_the_rest_is_written_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capture, "_MOST_EXCHANGES", 3)
    tables = Gate(tmp_path)
    writer = Capture(PLACE_OF_T, tables, "x", CaptureSettings(), seconds=0.01)
    for _ in range(5):
        writer.offer(exchange())
    wait_for(lambda: writer.state.status == "FAILED")
    assert "the disk is away" in str(writer.state.status_message)
    assert "2 requests were not written" in str(writer.state.status_message)
    tables.open.set()
    wait_for(lambda: len(tables.rows(PLACE_OF_T.table)) == 3)
    writer.close()
    assert (writer.state.status, writer.dropped) == ("ACTIVE", 2)


def test_small_files_are_joined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture, "_COMPACT_AFTER", 3)
    tables = DirectoryTables(tmp_path)
    writer = Capture(PLACE_OF_T, tables, "x", CaptureSettings(), seconds=0.01)
    for number in range(1, 4):
        writer.offer(exchange())
        wait_for(lambda number=number: len(tables.rows(PLACE_OF_T.table)) == number)
    writer.close()
    table = DeltaTable(tables.root / PLACE_OF_T.table)
    assert (len(table.file_uris()), table.to_pyarrow_table().num_rows) == (1, 3)
    assert table.history(1)[0]["operation"] == "OPTIMIZE"


def test_an_id_that_is_no_text_does_not_stop_the_rest(tmp_path: Path) -> None:
    tables = DirectoryTables(tmp_path)
    writer = Capture(PLACE_OF_T, tables, "x", CaptureSettings(), seconds=60)
    for body in (b'{"client_request_id": "a\\ud800"}', b'{"client_request_id": 7}', b'{"client_request_id": '):
        writer.offer(exchange(body))
    writer.close()
    assert [row["client_request_id"] for row in tables.rows(PLACE_OF_T.table)] == ["a?", None, None]


def test_a_sample_is_kept_and_says_its_share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tables = DirectoryTables(tmp_path)
    writer = Capture(PLACE_OF_T, tables, "x", CaptureSettings.parse({SAMPLING_TAG: "0.25"}), seconds=60)
    points = iter([0.1, 0.3, 0.24, 0.25, 0.9])
    monkeypatch.setattr(capture.random, "random", lambda: next(points))
    for _ in range(5):
        writer.offer(exchange())
    writer.close()
    assert [one["sampling_fraction"] for one in tables.rows(PLACE_OF_T.table)] == [0.25, 0.25]


def test_what_is_no_text_or_too_large_is_left_out_and_named(tmp_path: Path) -> None:
    tables = DirectoryTables(tmp_path)
    writer = Capture(PLACE_OF_T, tables, "x", CaptureSettings(), seconds=60)
    writer.offer(exchange(b"PAR1\xff", b"x" * ((1 << 20) + 1)))
    writer.close()
    (row,) = tables.rows(PLACE_OF_T.table)
    assert (row["request"], row["response"]) == (None, None)
    assert dict(row["request_metadata"]) == {"logging_error_codes": "REQUEST_IS_NOT_TEXT,MAX_RESPONSE_SIZE_EXCEEDED"}


@pytest.mark.parametrize(
    ("body", "kind", "kept"),
    [
        ('{"dataframe_split": {"columns": ["a", "B"], "data": [[1, 7]]}}', "", "[[1, "),
        ('{"dataframe_records": [{"a": 1, "b": 7}]}', "", '"a": 1'),
        ('{"inputs": {"a": [1], "b": [7]}}', "", '"a": [1]'),
        ('{"instances": [{"a": 1, "b": 7}]}', "", '"a": 1'),
        ('{"instances": [{"a": 1}], "b": 7}', "", '"a": 1'),
        ('{"instances": [{"a": 1, " b": 7}]}', "", '"a": 1'),
        ('{"dataframe_split": {"columns": ["a"], "index": [7], "data": [[1]]}}', "", "[[1]]"),
        ('{"dataframe_split": {"columns": [["a", "b"]], "data": [[7]]}}', "", None),
        ('{"dataframe_split": {"columns": ["a", "b"], "rows": [[1, 7]]}}', "", None),
        ('{"rows": [[1, 7]]}', "", None),
        ('{"predictions": [1, 7]}', "", None),
        ('{"inputs": [[1, 7]]}', "", None),
        ('{"instances": [[1, 7]]}', "", None),
        ('{"dataframe_split": {"columns": ["a", "b"], "data": [[1, 0, 7]]}}', "", None),
        ('{"dataframe_split": [{"columns": 7}]}', "", None),
        ("[7]", "", None),
        ("{7", "", None),
        ("a,b\n1,7\n", "text/csv", "a,b\n1,"),
        ("\ufeffb,a\n7,1\n", "text/csv", ",1"),
        ("a, b\n1,7\n", "text/csv", "a, b\n1,"),
        ("a;b\n1;7\n", "text/csv", None),
        ('{"dataframe_records": [{"b": 7}]}', "text/csv", None),
        ("a,b\n1,0,7\n", "text/csv; charset=utf-8", None),
    ],
)
def test_the_values_of_masked_columns_are_left_out(body: str, kind: str, kept: str | None) -> None:
    masked = mask(body, kind, {"b"})
    assert "7" not in masked
    assert masked == "[REDACTED]" if kept is None else kept in masked
    assert mask(body, kind, set()) == body


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        ('{"predictions": [{"a": 1, "b": {"c": 7}}]}', '"a": 1'),
        ('{"predictions": [1, 2]}', "[1, 2]"),
        ('{"a": 1, "b": 7}', '"a": 1'),
        ("[7]", None),
    ],
)
def test_the_values_of_masked_columns_are_left_out_of_answers(body: str, kept: str | None) -> None:
    masked = mask_answer(body, {"b"})
    assert "7" not in masked
    assert masked == "[REDACTED]" if kept is None else kept in masked


def test_the_table_of_an_ai_gateway_has_the_vendors_newer_columns(bench: Bench, two_models: tuple[Path, Path]) -> None:
    bench.register(1, two_models[0])
    bench.create("delay", "1")
    bench.wait_ready("delay", 1)
    table = {"catalog_name": "main", "schema_name": "default", "table_name_prefix": "gate", "enabled": True}
    bench.serving.put_ai_gateway("delay", {"inference_table_config": table}, ME)
    wait_for(lambda: bench.serving._endpoints["delay"].capturing.state)
    bench.ask("delay")
    both = {"served_entities": [ENTITY], "auto_capture_config": PLACE}
    with pytest.raises(InvalidParameterValue, match="one inference table"):
        bench.serving.update_config("delay", both, ME)
    bench.serving.close()
    (row,) = bench.tables.rows("main.default.gate_payload")
    assert (row["requester"], row["served_entity_id"], row["status_code"]) == (ME.user_name, "delay-1", 200)
    assert row["logging_error_codes"] == [] and "date" not in row
    assert row["request_date"] == row["request_time"].date()


def test_the_table_of_an_ai_gateway_is_turned_off_while_an_update_waits_for_its_model(bench: Bench) -> None:
    bench.create("delay", "1")
    table = {"catalog_name": "main", "schema_name": "default", "table_name_prefix": "gate", "enabled": True}
    bench.serving.put_ai_gateway("delay", {"inference_table_config": table}, ME)
    wait_for(lambda: bench.serving._endpoints["delay"].capturing.state, seconds=5)
    bench.serving.put_ai_gateway("delay", {"inference_table_config": {**table, "enabled": False}}, ME)
    wait_for(lambda: bench.serving._endpoints["delay"].capturing.state is None, seconds=5)


@pytest.mark.parametrize("seconds", ["1e10", "inf", "nan", "0", "soon"])
def test_a_rest_that_no_clock_can_wait_for_is_refused_and_hides_no_other_setting(seconds: str) -> None:
    tags = {IDLE_TAG: seconds, MASK_TAG: "pin"}
    with pytest.raises(InvalidParameterValue, match="30 days"):
        EndpointSettings.parse(tags)
    kept = EndpointSettings.kept(tags)
    assert (kept.idle_seconds, kept.capture.masked) == (1800.0, {"pin"})
