"""What later tasks are given of a SQL task, without an engine."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tests.workspace.jobs.lab import Lab


def test_a_statement_whose_rows_are_lost_is_not_executed_again(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    executed: list[Any] = []

    def submit(request: Any, *_: object) -> Any:
        executed.append(request)
        manifest = {"total_row_count": 1, "total_byte_count": 3, "schema": {"columns": [{"name": "n"}]}}
        record = SimpleNamespace(id="lost", state="SUCCEEDED", manifest=manifest, error=None)
        return SimpleNamespace(id="lost", record=record, runner=None, finished=SimpleNamespace(result=lambda: None))

    monkeypatch.setattr(lab.workspace.sql.statements, "submit", submit)
    monkeypatch.setattr(lab.workspace.sql.sessions, "open", lambda *_: SimpleNamespace(id="s"))
    monkeypatch.setattr(lab.workspace.sql.sessions, "close", lambda *_: None)
    path = "/Workspace/Shared/insert.sql"
    file = lab.workspace.files.local_path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("INSERT INTO t VALUES (1)")
    [warehouse, *_] = lab.workspace.sql.warehouses.all()
    work = {"warehouse_id": warehouse.id, "file": {"path": path, "source": "WORKSPACE"}}
    after = {
        "task_key": "c",
        "depends_on": [{"task_key": "q"}],
        "condition_task": {"op": "EQUAL_TO", "left": "{{tasks.q.output.first_row.n}}", "right": "1"},
    }
    _, tasks = lab.done({"task_key": "q", "sql_task": work, "max_retries": 1}, after)
    assert tasks["q"].state.result == "SUCCESS" and len(executed) == 1
    assert "'q'" in tasks["c"].state.message
