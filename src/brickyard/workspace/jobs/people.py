"""Whose rights a job's runs have, and which of the people that records name are still there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from brickyard.workspace.api.errors import InvalidParameterValue, NotImplementedByWorkspace, ResourceDoesNotExist
from brickyard.workspace.identity.permissions import Securable
from brickyard.workspace.identity.principals import Kind
from brickyard.workspace.store.identity import principals

if TYPE_CHECKING:
    from brickyard.workspace.identity import Principal
    from brickyard.workspace.jobs.records import JobRecord, RunRecord
    from brickyard.workspace.workspace import Workspace

__all__ = [
    "Nobody",
    "as_they_are",
    "named_in_run_as",
    "run_as",
    "securable_of",
    "whoever_runs",
    "with_makers",
]

_FIELDS = {"user_name": Kind.USER, "service_principal_name": Kind.SERVICE_PRINCIPAL}


class Nobody(Exception):
    """The principal that a run should have the rights of is no longer there; the message says who, and what to do."""


def securable_of(job_id: int) -> Securable:
    """A job as permissions know it."""
    return Securable("jobs", str(job_id))


def run_as(workspace: Workspace, job: JobRecord) -> str:
    """The principal that a job's runs have the rights of: the one that it names, else its owner.

    Empty where it names none and its owner was deleted.
    """
    if job.settings.get("run_as") or not job.listed:
        return job.run_as
    identity = workspace.identity
    for grant in identity.permissions.grants(securable_of(job.job_id)):
        if grant.level == "IS_OWNER":
            try:
                return identity.principals.describe(grant.principal_id).name
            except ResourceDoesNotExist:  # deleted just now
                break
    return ""


def named_in_run_as(workspace: Workspace, wanted: Mapping[str, Any]) -> str:
    """The active principal that the vendor's `JobRunAs` names.

    Raises:
        InvalidParameterValue: It names none, or two.
        NotImplementedByWorkspace: It names a group.
        ResourceDoesNotExist: There is no such principal, or it is not active.
    """
    if wanted.get("group_name"):
        raise NotImplementedByWorkspace("run_as.group_name is not supported: runs have the rights of one principal")
    given = [field for field in _FIELDS if wanted.get(field)]
    if len(given) != 1:
        raise InvalidParameterValue("run_as must have either user_name or service_principal_name")
    [field] = given
    found = workspace.identity.principals.find(_FIELDS[field], wanted[field])
    if found is None:
        raise ResourceDoesNotExist(f"run_as: there is no {field} {wanted[field]!r} in this workspace")
    return workspace.identity.principals.get(found).user_name


def whoever_runs(workspace: Workspace, name: str) -> Principal:
    """The active principal of that name.

    Raises:
        Nobody: There is none.
    """
    if not name:
        raise Nobody(
            "The job has no owner any more, and no run_as: its owner was deleted. An administrator can give it another"
            " owner, or set run_as."
        )
    try:
        return workspace.identity.principal_named(name)
    except ResourceDoesNotExist as error:
        raise Nobody(
            f"The identity used to run this job, {name}, was deleted or deactivated. Set run_as to somebody else, or"
            " give the job another owner."
        ) from error


def as_they_are(workspace: Workspace, jobs: Sequence[JobRecord]) -> list[JobRecord]:
    """Jobs with whose rights they run now, and with their makers where these are still there."""
    there = _known(workspace, {job.creator for job in jobs})
    return [
        replace(job, creator=job.creator if job.creator in there else "", run_as=run_as(workspace, job)) for job in jobs
    ]


def with_makers(workspace: Workspace, runs: Sequence[RunRecord]) -> list[RunRecord]:
    """Runs with who started them where these are still there."""
    there = _known(workspace, {run.creator for run in runs})
    return [run if run.creator in there else replace(run, creator="") for run in runs]


def _known(workspace: Workspace, names: Iterable[str]) -> frozenset[str]:
    """Those of the names whose users and service principals were not deleted."""
    wanted = select(principals.c.user_name).where(principals.c.user_name.in_(set(names)))
    with workspace.store.read() as connection:
        return frozenset(connection.execute(wanted).scalars())
