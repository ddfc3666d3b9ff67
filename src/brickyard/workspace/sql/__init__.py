"""SQL of a workspace: warehouses that execute statements, their results and history, and saved queries."""

from __future__ import annotations

from brickyard.workspace.sql.service import Sql, build

__all__ = ["Sql", "build"]
