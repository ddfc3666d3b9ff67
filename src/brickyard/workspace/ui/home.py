"""The home page: everything that the workspace holds, and how it does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from brickyard.workspace.catalog.privileges import ObjectKind
from brickyard.workspace.ui.page import Page

if TYPE_CHECKING:
    from brickyard.workspace.catalog.access import CallerAccess
    from brickyard.workspace.identity import Principal
    from brickyard.workspace.workspace import Workspace

__all__ = ["home"]

_MOST = 100
_RECENT = 12


def home(workspace: Workspace, principal: Principal, _: Mapping[str, str]) -> Page:
    """Jobs, runs, endpoints, models and data, as far as they are the principal's to see."""
    from brickyard.workspace.registry.records import PageRequest
    from brickyard.workspace.ui.endpoints import summaries
    from brickyard.workspace.ui.jobs import job_rows, run_rows

    access = workspace.catalog.access(principal)
    runs = run_rows(workspace, None, _RECENT, principal)
    endpoints = summaries(workspace, principal)
    values = {
        "jobs": job_rows(workspace, principal, _MOST),
        "runs": runs,
        "models": access.visible(ObjectKind.MODEL, workspace.registry.models.list(PageRequest(_MOST)).items),
        "endpoints": endpoints,
        "schemas": _schemas(workspace, access),
        "url": workspace.url,
    }
    busy = any(not run.ended for run in runs) or any(one.update == "IN_PROGRESS" for one in endpoints)
    return Page("home.html", workspace.name, "Workspace", values=values, refresh=5 if busy else None)


def _schemas(workspace: Workspace, access: CallerAccess) -> list[tuple[str, list[str], list[str]]]:
    """Full name, tables and volumes of each schema; an empty `default` is left out."""
    found = []
    data = workspace.catalog
    for catalog in access.visible(ObjectKind.CATALOG, data.catalogs()):
        for schema in access.visible(ObjectKind.SCHEMA, data.schemas(catalog.name)):
            tables = [one.name for one in access.visible(ObjectKind.TABLE, data.tables(schema.full_name))]
            volumes = [one.name for one in access.visible(ObjectKind.VOLUME, data.volumes(schema.full_name))]
            if tables or volumes or schema.name != "default":
                found.append((schema.full_name, tables, volumes))
    return found
