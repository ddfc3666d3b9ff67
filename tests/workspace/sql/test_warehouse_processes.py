"""The processes of warehouses: killed, stopped when idle, and after a restart of the workspace."""

from __future__ import annotations

import psutil
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.service.sql import ServiceErrorCode, State, StatementResponse, StatementState

from brickyard.workspace.api.errors import Unauthenticated
from brickyard.workspace.sql import history, statements, warehouses
from brickyard.workspace.sql.runners import TOKEN_COMMENT
from tests.support import LocalWorkspace, WorkspaceHome, wait_for
from tests.workspace.compute.compute_support import Lab
from tests.workspace.compute.conftest import lab

__all__ = ["lab"]

LONG = "SELECT count(*) FROM range(1000000000000) WHERE id < 0"


def starter(w: WorkspaceClient) -> str:
    return next(one.id or "" for one in w.warehouses.list() if one.name == "Serverless Starter Warehouse")


def state(w: WorkspaceClient, statement: StatementResponse) -> StatementState | None:
    status = w.statement_execution.get_statement(statement.statement_id or "").status
    return status.state if status else None


def client(lab: Lab) -> WorkspaceClient:
    return WorkspaceClient(host=lab.workspace.url, token=lab.token, auth_type="pat")


def test_a_killed_process_fails_what_it_executes_and_the_next_statement_starts_another(lab: Lab) -> None:
    w = client(lab)
    number = starter(w)
    long = w.statement_execution.execute_statement(LONG, number, wait_timeout="0s")
    wait_for(lambda: state(w, long) is StatementState.RUNNING)
    (process,) = [
        one
        for one in psutil.Process().children(recursive=True)
        if (lab.workspace.root / "sql" / "warehouses") in one_directories(one)
    ]
    process.kill()
    wait_for(lambda: state(w, long) is StatementState.FAILED)
    status = w.statement_execution.get_statement(long.statement_id or "").status
    assert status and status.error and "SIGKILL" in (status.error.message or "")
    assert status.error.error_code is ServiceErrorCode.INTERNAL_ERROR
    again = w.statement_execution.execute_statement("SELECT 1", number, wait_timeout="50s")
    assert again.result and again.result.data_array == [["1"]]
    w.warehouses.stop(number)  # while it stops, a statement starts it again
    again = w.statement_execution.execute_statement("SELECT 2", number, wait_timeout="50s")
    assert again.result and again.result.data_array == [["2"]]


def one_directories(process: psutil.Process) -> set[object]:
    """The directories above the files that a worker's outputs go to; none where it is none."""
    from pathlib import Path

    try:
        found = [Path(one.path) for one in process.open_files()]
    except psutil.Error:
        return set()
    return {parent for one in found if one.name == "output.log" for parent in one.parents}


def test_statements_leave_no_engines(lab: Lab) -> None:
    w = client(lab)
    number = starter(w)

    def processes(*texts: str) -> int:
        for text in texts:
            done = w.statement_execution.execute_statement(text, number, wait_timeout="50s")
            assert done.status and done.status.state is StatementState.SUCCEEDED, done.status
        return len(psutil.Process().children(recursive=True))

    before = processes("SELECT 1")
    made = [f"CREATE OR REPLACE TABLE main.default.made{place} (i INT)" for place in range(2)]
    assert processes(*["USE main.default"] * 3, *made) <= before + 1  # one may wait for the next statement
    for where in ({"catalog": "nowhere"}, {"schema": "nowhere"}) * 2:
        failed = w.statement_execution.execute_statement("SELECT 1", number, wait_timeout="50s", **where)
        assert failed.status and failed.status.state is StatementState.FAILED
    assert processes() <= before + 1


def test_a_connector_can_cancel_one_of_its_statements(lab: Lab) -> None:
    w = client(lab)
    number = starter(w)
    opened = w.api_client.do("POST", "/api/2.0/sql/sessions", body={"warehouse_id": number})
    body = {"warehouse_id": number, "session_id": opened["session_id"], "statement": LONG, "wait_timeout": "30s"}

    def submit(**more: str) -> StatementResponse:
        answer = w.api_client.do("POST", "/api/2.0/sql/statements", body=body | more)
        return StatementResponse.from_dict(answer)  # it has not waited: the id is needed to cancel

    one, other = submit(), submit()
    wait_for(lambda: [state(w, one), state(w, other)] == [StatementState.RUNNING] * 2)
    w.statement_execution.cancel_execution(one.statement_id or "")
    wait_for(lambda: state(w, one) is StatementState.CANCELED)
    assert state(w, other) is StatementState.RUNNING
    *more, queued = [submit(wait_timeout="0s") for _ in range(8)]
    w.statement_execution.cancel_execution(queued.statement_id or "")  # seven more run, and go on
    wait_for(lambda: state(w, queued) is StatementState.CANCELED)
    assert state(w, other) is StatementState.RUNNING
    for left in (other, *more):
        w.statement_execution.cancel_execution(left.statement_id or "")
    wait_for(lambda: {state(w, left) for left in (other, *more)} == {StatementState.CANCELED})


def test_it_stops_by_itself(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    w = client(lab)
    number = starter(w)
    w.statement_execution.execute_statement("SELECT 1", number, wait_timeout="50s")
    assert w.warehouses.get(number).state is State.RUNNING
    monkeypatch.setattr(warehouses, "_SECONDS_A_MINUTE", 0.001)
    long = w.statement_execution.execute_statement(LONG, number, wait_timeout="5s")
    assert state(w, long) is StatementState.RUNNING  # it does not stop while something runs
    w.statement_execution.cancel_execution(long.statement_id or "")
    wait_for(lambda: w.warehouses.get(number).state is State.STOPPED)


def test_the_history_reaches_back_thirty_days(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    w = client(lab)
    number = starter(w)
    done = w.statement_execution.execute_statement("SELECT 1", number, wait_timeout="50s")

    def ids() -> list[str | None]:
        return [one.query_id for one in w.query_history.list().res or []]

    assert done.statement_id in ids()
    kept = history._KEPT_MILLISECONDS
    monkeypatch.setattr(history, "_KEPT_MILLISECONDS", -60_000)
    assert ids() == []
    sql = lab.workspace.sql  # a new one forgets what is too old as it starts
    statements.Statements(lab.workspace, sql.warehouses, sql.sessions)
    monkeypatch.setattr(history, "_KEPT_MILLISECONDS", kept)
    assert ids() == []


def test_tokens_of_processes_end_with_a_killed_server(lab: Lab) -> None:
    owner = lab.workspace.identity.owner
    left = lab.workspace.identity.issue_token(owner, TOKEN_COMMENT)
    warehouses.Warehouses(lab.workspace, lab.workspace.sql.config)  # as the next server does
    with pytest.raises(Unauthenticated):
        lab.workspace.identity.tokens.check(left)


def test_results_outlive_a_restart(workspaces: WorkspaceHome) -> None:
    def asked(started: LocalWorkspace, statement: StatementResponse) -> StatementResponse:
        return started.client().statement_execution.get_statement(statement.statement_id or "")

    before = workspaces.start("dev")
    w = before.client()
    number = starter(w)
    done = w.statement_execution.execute_statement("SELECT 7", number, wait_timeout="50s")
    long = w.statement_execution.execute_statement(LONG, number, wait_timeout="0s")
    wait_for(lambda: state(w, long) is StatementState.RUNNING)
    workspaces.run("workspace", "restart", "dev")
    result = asked(before, done).result
    assert result and result.data_array == [["7"]]
    status = asked(before, long).status
    assert status and status.state is StatementState.FAILED and status.error
    assert before.client().warehouses.get(number).state is State.STOPPED
