"""The pages of SQL warehouses and of the statements that they have executed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from brickyard.workspace.api.errors import ApiError
from brickyard.workspace.sql.history import HistoryFilter
from brickyard.workspace.sql.records import ENDED, StatementRecord, WarehouseRecord
from brickyard.workspace.ui.page import Page

if TYPE_CHECKING:
    from brickyard.workspace.identity import Principal
    from brickyard.workspace.workspace import Workspace

__all__ = ["history", "statement", "warehouse", "warehouses"]

_MOST = 100
_RECENT = 20
_ROWS = 50
_LINE = 160
_WAREHOUSES = ("SQL warehouses", "/sql/warehouses")
_HISTORY = ("Query history", "/sql/history")


@dataclass(frozen=True)
class StatementRow:
    """A statement in a list.

    Attributes:
        record: The statement.
        text: The beginning of its text, on one line.
        milliseconds: How long it took; none while it runs.
        rows: How many rows it gave; none where it has no result.
    """

    record: StatementRecord
    text: str
    milliseconds: int | None
    rows: int | None


def warehouses(workspace: Workspace, principal: Principal, _: Mapping[str, str]) -> Page:
    """The warehouses that the principal may see."""
    allows, sql = workspace.identity.permissions.allows, workspace.sql
    found = [one for one in sql.warehouses.all() if allows(principal, one.securable, "CAN_VIEW")]
    rows = [(one, sql.warehouses.state(one.id), sql.warehouses.sessions(one.id)) for one in found]
    return Page("warehouses.html", "SQL warehouses", values={"warehouses": rows})


def warehouse(workspace: Workspace, principal: Principal, path: Mapping[str, str]) -> Page:
    """One warehouse: its settings, who may use it, and what it executed last."""
    sql, found = workspace.sql, workspace.sql.warehouses.get(path["warehouse"])
    workspace.identity.permissions.require(principal, found.securable, "CAN_VIEW")
    wanted = HistoryFilter(seen_by=sql.sight(principal), warehouse_ids=frozenset({found.id}))
    state = sql.warehouses.state(found.id)
    values = {
        "state": state,
        "facts": _facts(workspace, found),
        "permissions": _permissions(workspace, found),
        "statements": _rows(sql.statements.history(wanted, _RECENT)),
    }
    refresh = 5 if state == "STARTING" or sql.warehouses.sessions(found.id) else None
    return Page("warehouse.html", found.name, "SQL warehouse", (_WAREHOUSES,), values, refresh)


def history(workspace: Workspace, principal: Principal, _: Mapping[str, str]) -> Page:
    """The newest statements of the principal and of the warehouses that it watches."""
    sql = workspace.sql
    rows = _rows(sql.statements.history(HistoryFilter(seen_by=sql.sight(principal)), _MOST))
    values = {"statements": rows, "warehouses": {one.id: one.name for one in sql.warehouses.all()}, "most": _MOST}
    busy = any(row.record.state not in ENDED for row in rows)
    return Page("history.html", "Query history", values=values, refresh=5 if busy else None)


def statement(workspace: Workspace, principal: Principal, path: Mapping[str, str]) -> Page:
    """One statement: its text, how it ended, and the first rows of its result."""
    sql = workspace.sql
    sight = sql.sight(principal)
    seen = sql.statements.history(HistoryFilter(seen_by=sight, ids=frozenset({path["statement"]})), 1)
    found = seen[0] if seen else sql.statements.get(path["statement"], principal)
    own = found.user_id == principal.id
    names, first = _first_rows(workspace, found) if own else ([], [])
    values = {
        "found": found,
        "row": _rows([found])[0],
        "warehouse": {one.id: one.name for one in sql.warehouses.all()}.get(found.warehouse_id, ""),
        "columns": ((found.manifest or {}).get("schema") or {}).get("columns") or [],
        "names": names,
        "first": first,
    }
    refresh = None if found.state in ENDED else 2
    return Page("statement.html", found.id, "Statement", (_HISTORY,), values, refresh)


def _rows(records: list[StatementRecord]) -> list[StatementRow]:
    return [
        StatementRow(
            one,
            " ".join(one.text.split())[:_LINE],
            None if one.ended_at is None else one.ended_at - one.submitted_at,
            (one.manifest or {}).get("total_row_count"),
        )
        for one in records
    ]


def _facts(workspace: Workspace, found: WarehouseRecord) -> list[tuple[str, str]]:
    settings, minutes = found.settings, found.auto_stop_minutes
    return [
        ("Id", found.id),
        ("Size", str(settings["cluster_size"])),
        ("Type", "Serverless" if settings["enable_serverless_compute"] else str(settings["warehouse_type"]).title()),
        ("Stops", f"after {minutes} minutes without a statement" if minutes else "never by itself"),
        ("Made by", found.creator_name),
        ("Address for connectors", f"{workspace.url}  /sql/1.0/warehouses/{found.id}"),
    ]


def _permissions(workspace: Workspace, found: WarehouseRecord) -> list[tuple[str, str]]:
    describe, grants = workspace.identity.principals.describe, workspace.identity.permissions.grants(found.securable)
    return sorted((describe(one.principal_id).name, one.level.replace("_", " ").capitalize()) for one in grants)


def _first_rows(workspace: Workspace, found: StatementRecord) -> tuple[list[str], list[list[Any]]]:
    """The beginning of a result that is kept as JSON; nothing where it is kept otherwise, or no more."""
    manifest = found.manifest or {}
    if found.format != "JSON_ARRAY" or not manifest.get("chunks"):
        return [], []
    try:
        rows = json.loads(workspace.sql.statements.chunk(found.id, "0.json").read_bytes())
    except ApiError:
        return [], []
    return [one["name"] for one in manifest["schema"]["columns"]], rows[:_ROWS]
