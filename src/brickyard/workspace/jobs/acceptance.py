"""What somebody gives as a job, checked against the workspace before it is written: settings, `run_as`, owner."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from brickyard.workspace.api.errors import PermissionDenied
from brickyard.workspace.identity.access_lists import check_owner, grants_of
from brickyard.workspace.jobs.clusters import check_definitions
from brickyard.workspace.jobs.notices import check_destinations
from brickyard.workspace.jobs.people import named_in_run_as, run_as, securable_of
from brickyard.workspace.jobs.records import JobRecord, Json

if TYPE_CHECKING:
    from brickyard.workspace.identity import Principal
    from brickyard.workspace.workspace import Workspace

__all__ = ["accepted", "grant_owner"]


def accepted(
    workspace: Workspace,
    body: Mapping[str, Any],
    principal: Principal,
    job: JobRecord | None = None,
    *,
    submitted: bool = False,
) -> tuple[Json, str]:
    """The settings as they are stored, and the name of whose rights the runs have.

    Args:
        workspace: Whose job it is.
        body: The settings as they were given.
        principal: Who gives them.
        job: What is to be changed; none where it is made.
        submitted: Whether they are of a run without a job that is kept.

    Raises:
        InvalidParameterValue: The settings ask for what cannot be.
        PermissionDenied: The principal may not use what they name, or not let the job run as somebody else.
        ApiError: Something that they name is not there, or not supported.
    """
    from brickyard.workspace.jobs.settings import normalise

    wanted = {name: value for name, value in body.items() if name != "access_control_list"}
    settings, before = normalise(wanted, submitted=submitted), job.settings if job else {}
    check_definitions(workspace, settings, principal, before)
    check_destinations(workspace, settings, before)
    return settings, _run_as(workspace, settings.get("run_as", {}), principal, job)


def _run_as(workspace: Workspace, wanted: Mapping[str, Any], principal: Principal, job: JobRecord | None) -> str:
    """The name in `run_as`, checked where it is new; without one, who owns the job counts when it runs."""
    if job is not None and wanted == job.settings.get("run_as", {}):
        return job.run_as
    if not wanted and job is None:
        return principal.user_name
    if wanted or job is None:
        found = named_in_run_as(workspace, wanted)
    else:
        found = run_as(workspace, replace(job, settings={}))
    if found not in (principal.user_name, job and run_as(workspace, job)) and not principal.is_admin:
        raise PermissionDenied(f"Only administrators can let a job run as somebody else ({found or 'nobody'}).")
    return found


def grant_owner(workspace: Workspace, job: JobRecord, principal: Principal, entries: Any) -> None:
    """Give a new job its access control list; whoever makes it owns it, where the list does not say otherwise.

    Args:
        workspace: Whose job it is.
        job: The job.
        principal: Who makes it.
        entries: The `access_control_list` as it was given; none, and only the owner is on it.

    Raises:
        InvalidParameterValue: The list is none.
        PermissionDenied: The principal may not give the job to that owner.
    """
    identity, securable = workspace.identity, securable_of(job.job_id)
    wanted = grants_of(identity, securable, entries or [])
    if "IS_OWNER" not in wanted.values():
        wanted[principal.id] = "IS_OWNER"
    check_owner(identity, securable, wanted, principal, before={principal.id})
    identity.permissions.replace(securable, wanted)
