"""The home page: everything that the workspace holds, and how it does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from brickyard.workspace.ui.page import Page

if TYPE_CHECKING:
    from brickyard.workspace.workspace import Workspace

__all__ = ["home"]

_MOST = 100
_RECENT = 12


def home(workspace: Workspace, _: Mapping[str, str]) -> Page:
    """Jobs, runs, endpoints, models and data."""
    from brickyard.workspace.registry.records import PageRequest
    from brickyard.workspace.ui.endpoints import summaries
    from brickyard.workspace.ui.jobs import job_rows, run_rows

    runs = run_rows(workspace, None, _RECENT)
    endpoints = summaries(workspace)
    values = {
        "jobs": job_rows(workspace, _MOST),
        "runs": runs,
        "models": workspace.registry.models.list(PageRequest(_MOST)).items,
        "endpoints": endpoints,
        "schemas": _schemas(workspace),
        "url": workspace.url,
    }
    busy = any(not run.ended for run in runs) or any(one.update == "IN_PROGRESS" for one in endpoints)
    return Page("home.html", workspace.name, "Workspace", values=values, refresh=5 if busy else None)


def _schemas(workspace: Workspace) -> list[tuple[str, list[str], list[str]]]:
    """Full name, tables and volumes of each schema; an empty `default` is left out."""
    found = []
    for catalog in workspace.catalog.catalogs():
        for schema in workspace.catalog.schemas(catalog.name):
            tables = [table.name for table in workspace.catalog.tables(schema.full_name)]
            volumes = [volume.name for volume in workspace.catalog.volumes(schema.full_name)]
            if tables or volumes or schema.name != "default":
                found.append((schema.full_name, tables, volumes))
    return found
