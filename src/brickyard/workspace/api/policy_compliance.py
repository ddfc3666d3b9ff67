"""Whether clusters and jobs keep to their policies: `/api/2.0/policies/{clusters,jobs}/..-compliance`.

Wire types: `databricks.sdk.service.compute` and `.jobs`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from brickyard.workspace.api.access import admins_only, levels_on
from brickyard.workspace.api.base import Call, Family
from brickyard.workspace.api.cluster_access import cluster_of, on_cluster
from brickyard.workspace.api.errors import InvalidParameterValue, InvalidState, ResourceDoesNotExist
from brickyard.workspace.api.job_access import on_job
from brickyard.workspace.jobs.requests import flag, number
from brickyard.workspace.policies.compliance import (
    clusters_of_job,
    enforce_cluster,
    enforce_job,
    violations,
    violations_of_job,
)
from brickyard.workspace.workspace import Workspace

if TYPE_CHECKING:
    from databricks.sdk.service.compute import EnforceClusterComplianceResponse, GetClusterComplianceResponse
    from databricks.sdk.service.jobs import EnforcePolicyComplianceResponse, GetPolicyComplianceResponse

__all__ = ["family"]

family = Family()
_CLUSTERS, _JOBS = "/api/2.0/policies/clusters", "/api/2.0/policies/jobs"
_MOST, _ALL_JOBS = 100, 1_000_000
_AT_ONCE, _LATER = "ENFORCE_IMMEDIATELY", "WAIT_FOR_TERMINATION"
T = TypeVar("T")
_on_policy = levels_on(lambda workspace, call: workspace.policies.securable(call.required("policy_id")))


@family.call("GET", f"{_CLUSTERS}/get-compliance", access=on_cluster("CAN_ATTACH_TO"))
def get_cluster_compliance(workspace: Workspace, call: Call) -> GetClusterComplianceResponse:
    """Whether a cluster keeps to its policy, and if not, why."""
    from databricks.sdk.service.compute import GetClusterComplianceResponse

    cluster = cluster_of(workspace, call)
    found = violations(workspace.policies, cluster.definition, cluster.source)
    return GetClusterComplianceResponse(not found, workspace.policies.pending.wire(cluster), found)


@family.call("GET", f"{_CLUSTERS}/list-compliance", access=_on_policy("CAN_USE"))
def list_cluster_compliance(workspace: Workspace, call: Call) -> dict[str, Any]:
    """Whether each of the clusters with a policy keeps to it; of those that the caller may use."""
    from databricks.sdk.service.compute import ClusterCompliance

    policy_id, allows = call.required("policy_id"), workspace.identity.permissions.allows
    having = [one for one in workspace.clusters.store.all() if one.definition.get("policy_id") == policy_id]
    seen = [one for one in having if allows(call.principal, one.securable, "CAN_ATTACH_TO")]
    page, more = _page(call, seen)
    found = [(one, violations(workspace.policies, one.definition, one.source)) for one in page]
    pending = workspace.policies.pending.wire
    shown = [ClusterCompliance(one.id, not wrong, pending(one), wrong) for one, wrong in found]
    return {"clusters": [one.as_dict() for one in shown]} | more


@family.call("POST", f"{_CLUSTERS}/enforce-compliance", access=on_cluster("CAN_MANAGE"))
def enforce_cluster_compliance(workspace: Workspace, call: Call) -> EnforceClusterComplianceResponse:
    """Change a cluster so that it keeps to its policy; one that runs is restarted."""
    from databricks.sdk.service.compute import ClusterSettingsChange, EnforceClusterComplianceResponse
    from databricks.sdk.service.compute import EnforcePolicyComplianceForClusterResponseEnforceResult as Result

    mode = call.body.get("enforce_mode") or _AT_ONCE
    if mode not in (_AT_ONCE, _LATER):
        raise InvalidParameterValue(f"enforce_mode is {_AT_ONCE} or {_LATER}, not {mode!r:.40}")
    cluster, only_shown = cluster_of(workspace, call), flag(call.body, "validate_only")
    if cluster.source == "JOB":
        raise InvalidParameterValue(
            f"Cluster {cluster.id} was made for a job: enforce the compliance of the job instead"
        )
    done = enforce_cluster(workspace.policies, cluster.definition, cluster.source)
    later = mode == _LATER and cluster.state != "TERMINATED"
    if later:
        admins_only(workspace, call)
    if done.changes and not only_shown:
        if later:
            workspace.policies.pending.schedule(cluster.id, call.principal.user_name)
        else:
            workspace.clusters.edit(cluster, done.made, call.principal)
    changes = [ClusterSettingsChange(one.field, one.new, one.previous) for one in done.changes]
    happened = Result.NO_CHANGES if not changes else Result.DEFERRED if later else Result.APPLIED
    result = None if only_shown else happened
    return EnforceClusterComplianceResponse(changes, result, bool(changes))


@family.call("POST", f"{_CLUSTERS}:cancelPendingClusterEnforcement", access=admins_only)
def cancel_pending_cluster_enforcement(workspace: Workspace, call: Call) -> None:
    """Do not change a cluster when it ends or restarts."""
    cluster = cluster_of(workspace, call)
    if cluster.state == "TERMINATING":
        raise InvalidState(f"Cluster {cluster.id} is terminating: its enforcement cannot be cancelled any more.")
    if not workspace.policies.pending.cancel(cluster.id) and not flag(call.body, "allow_missing"):
        raise ResourceDoesNotExist(f"Cluster {cluster.id} has no pending enforcement.")


@family.call("GET", f"{_JOBS}/get-compliance", access=on_job("CAN_VIEW"))
def get_job_compliance(workspace: Workspace, call: Call) -> GetPolicyComplianceResponse:
    """Whether the clusters that a job makes keep to their policies, and if not, why."""
    from databricks.sdk.service.jobs import GetPolicyComplianceResponse

    found = violations_of_job(workspace.policies, workspace.jobs.get(number(call.query, "job_id")).settings)
    return GetPolicyComplianceResponse(is_compliant=not found, violations=found)


@family.call("GET", f"{_JOBS}/list-compliance", access=_on_policy("CAN_USE"))
def list_job_compliance(workspace: Workspace, call: Call) -> dict[str, Any]:
    """Whether each of the jobs with a policy keeps to it; of those that the caller may see."""
    from databricks.sdk.service.jobs import JobCompliance

    policy_id = call.required("policy_id")
    jobs = workspace.jobs.page(call.principal, name=None, before=None, offset=0, limit=_ALL_JOBS)
    having = [job for job in jobs if any(one.get("policy_id") == policy_id for _, one in clusters_of_job(job.settings))]
    page, more = _page(call, having)
    found = [(job, violations_of_job(workspace.policies, job.settings)) for job in page]
    return {"jobs": [JobCompliance(job.job_id, not wrong, wrong).as_dict() for job, wrong in found]} | more


@family.call("POST", f"{_JOBS}/enforce-compliance", access=on_job("CAN_MANAGE"))
def enforce_job_compliance(workspace: Workspace, call: Call) -> EnforcePolicyComplianceResponse:
    """Change the clusters that a job makes so that they keep to their policies."""
    from databricks.sdk.service.jobs import EnforcePolicyComplianceForJobResponseJobClusterSettingsChange as Change
    from databricks.sdk.service.jobs import EnforcePolicyComplianceResponse, JobSettings

    job = workspace.jobs.get(number(call.body, "job_id"))
    done = enforce_job(workspace.policies, job.settings)
    if done.changes and not flag(call.body, "validate_only"):
        workspace.jobs.reset(job.job_id, done.made, call.principal)
    changes = [Change(one.field, one.new, one.previous) for one in done.changes]
    return EnforcePolicyComplianceResponse(bool(changes), changes, JobSettings.from_dict(done.made))


def _page(call: Call, every: Sequence[T]) -> tuple[Sequence[T], dict[str, str]]:
    """What of a list is to be shown, and the tokens of the pages before and after it."""
    size, token = call.query.get("page_size") or str(_MOST), call.query.get("page_token") or "0"
    if not all(one.isascii() and one.isdecimal() and len(one) < 10 for one in (size, token)) or not int(size):
        raise InvalidParameterValue(f"page_size is a number from 1 to {_MOST}, and page_token one of this listing")
    first, most = int(token), min(int(size), _MOST)
    more = {"next_page_token": str(first + most)} if first + most < len(every) else {}
    if first:
        more["prev_page_token"] = str(max(0, first - most))
    return every[first : first + most], more
