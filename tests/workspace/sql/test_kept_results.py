"""For how long results are kept, and what is answered when they are gone."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import NotFound
from databricks.sdk.service.sql import StatementState
from sqlalchemy import insert
from sqlalchemy.exc import DatabaseError

from brickyard.workspace.clock import now
from brickyard.workspace.sql import statements
from brickyard.workspace.sql.records import StatementRecord, first_id
from brickyard.workspace.store.sql import sql_statements
from tests.workspace.compute.compute_support import Lab
from tests.workspace.compute.conftest import lab

__all__ = ["lab"]

HOUR = 3_600_000


def succeeded(lab: Lab, submitted_at: int, ended_at: int) -> Path:
    """The files of a statement that has the result `7`."""
    owner = lab.workspace.identity.owner
    record = StatementRecord(
        id=first_id(submitted_at),
        warehouse_id="1",
        user_id=owner.id,
        user_name=owner.user_name,
        text="SELECT 7",
        kind="SELECT",
        client=None,
        disposition="INLINE",
        format="JSON_ARRAY",
        state="SUCCEEDED",
        submitted_at=submitted_at,
        started_at=submitted_at,
        ended_at=ended_at,
        manifest={"format": "JSON_ARRAY", "chunks": [{"chunk_index": 0, "row_offset": 0, "row_count": 1}]},
    )
    with lab.workspace.store.write() as connection:
        connection.execute(insert(sql_statements).values(**record.row()))
    files = lab.workspace.root / "sql" / "results" / record.id
    files.mkdir(parents=True)
    (files / "0.json").write_text('[["7"]]')
    return files


def test_results_are_kept_from_the_end_of_the_statement(lab: Lab) -> None:
    long = succeeded(lab, submitted_at=now() - 13 * HOUR, ended_at=now() - HOUR)
    old = succeeded(lab, submitted_at=now() - 15 * HOUR, ended_at=now() - 14 * HOUR)
    sql = lab.workspace.sql  # a new one deletes what is too old as it starts
    statements.Statements(lab.workspace, sql.warehouses, sql.sessions)
    assert long.is_dir() and not old.exists()


def test_a_result_that_is_gone(lab: Lab) -> None:
    files = succeeded(lab, submitted_at=now(), ended_at=now())
    family = WorkspaceClient(host=lab.workspace.url, token=lab.token, auth_type="pat").statement_execution
    there = family.get_statement(files.name)
    assert there.result and there.result.data_array == [["7"]]
    shutil.rmtree(files)
    with pytest.raises(NotFound, match="execute it again"):
        family.get_statement_result_chunk_n(files.name, 0)
    gone = family.get_statement(files.name)
    assert gone.status and gone.status.state is StatementState.CLOSED and gone.result is None


def test_a_result_can_be_deleted_while_the_disk_is_full(lab: Lab) -> None:
    files, store = succeeded(lab, submitted_at=now(), ended_at=now()), lab.workspace.store
    with store.write() as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER full BEFORE UPDATE ON sql_statements BEGIN SELECT RAISE(ABORT, 'disk is full'); END"
        )
    with pytest.raises(DatabaseError):
        lab.workspace.sql.statements.close(files.name, lab.workspace.identity.owner)
    assert not files.exists()  # and there is place again
    with store.write() as connection:
        connection.exec_driver_sql("DROP TRIGGER full")
    lab.workspace.sql.statements.close(files.name, lab.workspace.identity.owner)
