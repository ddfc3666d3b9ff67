"""What the commands of dbt tasks have left, by the links that `runs/get-output` answers."""

from __future__ import annotations

from starlette.responses import FileResponse

from brickyard.runtime.dbt_task import ARTIFACTS_FILE
from brickyard.workspace.api.access import anyone
from brickyard.workspace.api.base import Call, Family
from brickyard.workspace.api.errors import NotFound
from brickyard.workspace.jobs.directories import run_directory
from brickyard.workspace.links import require_signed
from brickyard.workspace.workspace import Workspace

__all__ = ["family"]

family = Family()


@family.call("GET", "/api/2.0/jobs/dbt-artifacts/{run_id}", access=anyone)
def get_dbt_artifacts(workspace: Workspace, call: Call) -> FileResponse:
    """The archive, for whoever has the link to it."""
    require_signed(call.request.url.path, call.query)
    place = run_directory(workspace, int(call.path["run_id"])) / ARTIFACTS_FILE
    if not place.is_file():
        raise NotFound(f"The run {call.path['run_id']} has no artifacts any more.")
    return FileResponse(place, media_type="application/gzip", filename=ARTIFACTS_FILE)
