"""SQL connectors: what they are told of Thrift, and the sessions of those that send requests of the statement API."""

from __future__ import annotations

import struct
import urllib.request
from collections.abc import Callable
from functools import partial
from typing import Any

import pyarrow as pa
import pytest
from databricks.sdk.errors import NotFound
from databricks.sdk.service.sql import StatementState

from tests.support import LocalWorkspace, wait_for
from tests.workspace.calls.test_warehouses import starter


def test_connectors_that_speak_thrift_hear_what_to_use(workspace: LocalWorkspace) -> None:
    w = workspace.client()
    call = struct.pack(">Ii", 0x80010001, 11) + b"OpenSession" + struct.pack(">i", 7) + b"\x00"
    headers = {"Authorization": f"Bearer {workspace.token}", "Content-Type": "application/x-thrift"}
    address = f"{workspace.host}/sql/1.0/warehouses/{starter(w)}"
    with urllib.request.urlopen(urllib.request.Request(address, call, headers)) as answer:
        body = answer.read()
    assert body[:23] == struct.pack(">Ii", 0x80010002, 11) + b"OpenSession" + struct.pack(">i", 7)
    assert b"0A000" in body and b"use_kernel=True" in body


def test_sessions_of_connectors(workspace: LocalWorkspace, name: Callable[[], str]) -> None:
    w, schema, table = workspace.client(), name(), name()
    number = starter(w)
    w.schemas.create(schema, "main")
    opened = {"warehouse_id": number, "catalog": "main", "schema": schema, "session_confs": {"timezone": "Asia/Tokyo"}}
    root = "/api/2.0/sql/sessions"
    session = w.api_client.do("POST", root, body=opened)["session_id"]

    def has_ended(answer: dict[str, Any]) -> bool:  # connectors are answered before
        return answer["status"]["state"] not in {"PENDING", "RUNNING"}

    def execute(statement: str, **more: Any) -> dict[str, Any]:
        body = {"warehouse_id": number, "session_id": session, "statement": statement, "wait_timeout": "50s"} | more
        answer = w.api_client.do("POST", "/api/2.0/sql/statements", body=body)
        ask = partial(w.api_client.do, "GET", f"/api/2.0/sql/statements/{answer['statement_id']}")
        return answer if has_ended(answer) else wait_for(lambda: now if has_ended(now := ask()) else {})

    def rows(statement: str, **more: Any) -> list[list[str]]:
        answer = execute(statement, **more)
        assert answer["status"]["state"] == "SUCCEEDED", answer
        return list(answer["result"].get("data_array") or [])

    limited = w.api_client.do("POST", root, body=opened | {"session_confs": {"STATEMENT_TIMEOUT": "1"}})["session_id"]
    late = execute("SELECT count(*) FROM range(1000000000000) WHERE id < 0", session_id=limited)["status"]
    assert (late["state"], late["error"]["error_code"]) == ("FAILED", "DEADLINE_EXCEEDED")
    assert rows("SELECT current_schema(), current_timezone()") == [[schema, "Asia/Tokyo"]]
    rows("CREATE TEMPORARY VIEW kept AS SELECT 7 AS seven")
    assert rows("SELECT seven FROM kept") == [["7"]]
    marked = [{"ordinal": 2, "type": "STRING", "value": "b"}, {"ordinal": 1, "type": "INT", "value": "1"}]
    assert rows("SELECT ? + 1, ?", parameters=marked) == [["2", "b"]]
    rows(f"CREATE TABLE {table} (a INT NOT NULL COMMENT 'first', b DECIMAL(10, 2))")
    assert [schema, table, "false", None, "main", "TABLE", None] in rows(f"SHOW TABLES IN CATALOG main LIKE '{table}'")
    columns = rows(f"SHOW COLUMNS IN CATALOG `main` SCHEMA LIKE '{schema}' TABLE LIKE '{table.replace('_', '.')}'")
    assert [[one[0], one[4], one[5], one[8], one[9]] for one in columns] == [
        ["a", "INT", "4", "false", "first"],
        ["b", "DECIMAL(10,2)", "10", "true", None],
    ]
    small = {"disposition": "INLINE_OR_EXTERNAL_LINKS", "format": "ARROW_STREAM", "result_compression": "LZ4_FRAME"}
    answer = execute("SELECT 1 AS one", **small)
    assert answer["manifest"]["result_compression"] == "LZ4_FRAME"
    with urllib.request.urlopen(answer["result"]["external_links"][0]["external_link"]) as link:
        packed = pa.input_stream(pa.BufferReader(link.read()), compression="lz4").read()
    assert pa.ipc.open_stream(packed).read_all().to_pylist() == [{"one": 1}]
    w.api_client.do("DELETE", f"/api/2.0/sql/statements/{answer['statement_id']}")
    status = w.statement_execution.get_statement(answer["statement_id"]).status
    assert status and status.state is StatementState.CLOSED
    w.api_client.do("DELETE", f"/api/2.0/sql/sessions/{session}")
    with pytest.raises(NotFound, match="Connect again"):
        execute("SELECT 1")
