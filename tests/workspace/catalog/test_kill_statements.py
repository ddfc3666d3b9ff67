"""A workspace that is killed while statements run has all that it acknowledged, and nothing half done."""

from __future__ import annotations

import os
import random
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import psutil
import pytest
import requests

from tests.support import LocalWorkspace, WorkspaceHome, wait_for

STATEMENTS = "/api/2.0/sql/statements"
#: What somebody does again and again; `{n}` is a number that grows, `{s}` the schema.
CHANGES = {
    "append": "INSERT INTO {s}.appended VALUES ({n})",
    "replace": "CREATE OR REPLACE TABLE {s}.replaced AS SELECT {n} AS n FROM range(10)",
    "view": "CREATE OR REPLACE VIEW {s}.v AS SELECT n, {n} AS m FROM {s}.appended",
    "rename": "ALTER TABLE {s}.{old} RENAME TO {s}.{new}",
    "grant": "{grant} SELECT ON TABLE {s}.appended {to} `account users`",
    "drop": "DROP TABLE {s}.dropped",
    "undrop": "UNDROP TABLE {s}.dropped",
    "column": "ALTER TABLE {s}.widened ADD COLUMNS (c{n} INT)",
    "delete": "DELETE FROM {s}.deleted WHERE n < {n}",
}


@dataclass
class Statements:
    """Runs statements, and remembers which were tried and which acknowledged."""

    workspace: LocalWorkspace
    warehouse: str
    schema: str
    tried: dict[str, list[int]] = field(default_factory=dict)
    done: dict[str, list[int]] = field(default_factory=dict)

    def run(self, statement: str) -> list[list[str]]:
        """The rows of a statement."""
        body = {"warehouse_id": self.warehouse, "statement": statement, "wait_timeout": "50s"}
        headers = {"Authorization": f"Bearer {self.workspace.token}"}
        answer = requests.post(self.workspace.host + STATEMENTS, json=body, headers=headers, timeout=60)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        assert found["status"]["state"] == "SUCCEEDED", f"{statement}: {found['status']}"
        rows: list[list[str]] = found.get("result", {}).get("data_array") or []
        return rows

    def prepare(self) -> None:
        """Make what is changed from then on."""
        for sql in (
            "CREATE SCHEMA {s}",
            "CREATE TABLE {s}.appended (n INT)",
            "CREATE TABLE {s}.replaced AS SELECT 0 AS n FROM range(10)",
            "CREATE TABLE {s}.name0 AS SELECT 1 AS kept",
            "CREATE TABLE {s}.dropped AS SELECT 1 AS kept",
            "CREATE TABLE {s}.widened (n INT)",
            "CREATE TABLE {s}.deleted AS SELECT CAST(id AS INT) AS n FROM range(1000)",
            "CREATE VIEW {s}.v AS SELECT n, 0 AS m FROM {s}.appended",
        ):
            self.run(sql.format(s=self.schema))

    def changes(self) -> None:
        """Change all of it until the workspace is gone."""
        number = 0
        while True:
            number += 1
            for name, sql in CHANGES.items():
                words = {"old": f"name{number - 1}", "new": f"name{number}", "n": number, "s": self.schema}
                words |= {"grant": "GRANT", "to": "TO"} if number % 2 else {"grant": "REVOKE", "to": "FROM"}
                self.tried.setdefault(name, [0]).append(number)
                try:
                    self.run(sql.format(**words))
                except requests.RequestException:
                    return
                self.done.setdefault(name, [0]).append(number)

    def last(self, name: str) -> set[int]:
        """The numbers that a change may have come to: the last that was acknowledged, and what was tried after."""
        return {self.done.get(name, [0])[-1], self.tried.get(name, [0])[-1]}

    def check(self) -> None:
        """What was acknowledged is there, and what was not is there as a whole or not at all."""
        s = self.schema
        rows = [int(one[0]) for one in self.run(f"SELECT n FROM {s}.appended ORDER BY n")]
        assert len(rows) == len(set(rows)) and set(self.done.get("append", [0])[1:]) <= set(rows)
        assert set(rows) <= set(self.tried.get("append", [0]))
        replaced = self.run(f"SELECT n, count(*) FROM {s}.replaced GROUP BY n")
        assert len(replaced) == 1 and int(replaced[0][0]) in self.last("replace") and replaced[0][1] == "10"
        assert {int(one[1]) for one in self.run(f"SELECT n, m FROM {s}.v")} <= self.last("view")
        names = [one[1] for one in self.run(f"SHOW TABLES IN {s}")]
        (renamed,) = [one for one in names if one.startswith("name")]
        assert int(renamed.removeprefix("name")) in self.last("rename")
        assert self.run(f"SELECT kept FROM {s}.{renamed}") == [["1"]]
        if "dropped" not in names:
            self.run(f"UNDROP TABLE {s}.dropped")
        assert self.run(f"SELECT kept FROM {s}.dropped") == [["1"]]
        granted = any(one[1] == "SELECT" for one in self.run(f"SHOW GRANTS ON TABLE {s}.appended"))
        assert granted in {number % 2 == 1 for number in self.last("grant")}
        wide = [one[0] for one in self.run(f"DESCRIBE {s}.widened")]
        assert len(wide) - 1 in self.last("column") and wide[1:] == [f"c{one + 1}" for one in range(len(wide) - 1)]
        assert 1000 - int(self.run(f"SELECT count(*) FROM {s}.deleted")[0][0]) in self.last("delete")


def kill_under_statements(
    home: WorkspaceHome, workspace: LocalWorkspace, turn: int, people: int, moment: int
) -> LocalWorkspace:
    """Kill the workspace after so many changes by so many people, start it again, and look."""
    warehouse = next(iter(workspace.client().warehouses.list()))
    writers = [Statements(workspace, str(warehouse.id), f"main.kill_{turn}_{one}") for one in range(people)]
    for one in writers:
        one.prepare()
    threads = [threading.Thread(target=one.changes) for one in writers]
    for thread in threads:
        thread.start()
    wait_for(lambda: sum(len(numbers) for one in writers for numbers in one.done.values()) >= moment)
    pid = workspace.pid
    os.kill(pid, signal.SIGKILL)
    for thread in threads:
        thread.join()
    wait_for(lambda: not psutil.pid_exists(pid))
    again = home.start(workspace.name)
    for one in writers:
        one.workspace = again
        one.check()
    return again


@pytest.fixture
def workspace(workspaces: WorkspaceHome) -> Iterator[LocalWorkspace]:
    workspace = workspaces.start("dev")
    if not list(workspace.client().warehouses.list()):
        workspace.client().warehouses.create_and_wait(name="kill", cluster_size="2X-Small")
    yield workspace


def test_statements_that_were_acknowledged_survive_a_kill(workspaces: WorkspaceHome, workspace: LocalWorkspace) -> None:
    kill_under_statements(workspaces, workspace, 0, people=1, moment=16)


@pytest.mark.soak
@pytest.mark.timeout(3000)
def test_statements_that_were_acknowledged_survive_many_kills(
    workspaces: WorkspaceHome, workspace: LocalWorkspace
) -> None:
    rng = random.Random()
    for turn in range(30):
        workspace = kill_under_statements(workspaces, workspace, turn, people=2, moment=rng.randint(1, 60))
