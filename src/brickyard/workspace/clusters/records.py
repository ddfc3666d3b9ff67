"""What the database holds of clusters."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from brickyard.workspace.identity.permissions import Securable

__all__ = ["LIVE", "ClusterRecord", "EventRecord", "JobTags", "Json", "Reason", "with_tags"]

Json = dict[str, Any]
#: States in which something of a cluster runs, or is about to.
LIVE = frozenset({"PENDING", "RUNNING", "RESTARTING", "RESIZING", "TERMINATING"})


@dataclass(frozen=True)
class Reason:
    """Why a cluster ended.

    Attributes:
        code: The vendor's `TerminationReasonCode`.
        kind: Its `TerminationReasonType`.
        parameters: What more there is to say.
    """

    code: str
    kind: str
    parameters: Mapping[str, str]

    @property
    def message(self) -> str:
        """In one sentence."""
        return next((text for name, text in self.parameters.items() if name != "username"), _WORDS.get(self.code, ""))

    def as_dict(self) -> Json:
        """The vendor's `TerminationReason`."""
        return {"code": self.code, "type": self.kind, "parameters": dict(self.parameters)}

    @staticmethod
    def fault(code: str, message: str, kind: str = "SERVICE_FAULT") -> Reason:
        """Something that went wrong."""
        return Reason(code, kind, {"databricks_error_message": message})


_WORDS = {
    "USER_REQUEST": "Terminated by user",
    "INACTIVITY": "Inactive cluster terminated",
    "JOB_FINISHED": "Job run that used the cluster has ended",
}


@dataclass(frozen=True)
class JobTags:
    """The tags of a cluster that is made for a job run.

    Attributes:
        default: Those that tell the job and the run (https://docs.databricks.com/admin/account-settings/usage-detail-tags).
        custom: Those of the job, which its clusters have where they have none of that name.
    """

    default: Mapping[str, str]
    custom: Mapping[str, str]


def with_tags(cluster: Mapping[str, Any], tags: Mapping[str, str]) -> Json:
    """A `ClusterSpec` with the tags of its job, where it has none of that name; a policy limits these as its own."""
    return {**cluster, "custom_tags": {**tags, **(cluster.get("custom_tags") or {})}} if tags else dict(cluster)


@dataclass(frozen=True)
class ClusterRecord:
    """A cluster; see the table `clusters`."""

    id: str
    definition: Json
    given: Json
    creator_name: str
    source: str
    created_at: int
    state: str
    state_message: str
    context_id: int
    started_at: int | None = None
    restarted_at: int | None = None
    terminated_at: int | None = None
    reason: Json | None = None
    pinned_at: int | None = None
    token: str | None = None
    tags: Json | None = None
    log_status: Json | None = None

    @property
    def name(self) -> str:
        """What people call it; names need not be unique."""
        return str(self.definition.get("cluster_name", ""))

    @property
    def default_tags(self) -> dict[str, str]:
        """The tags that every cluster has, and those of jobs."""
        tags = {"Vendor": "Databricks", "Creator": self.creator_name, "ClusterName": self.name, "ClusterId": self.id}
        if self.tags is None and self.source == "JOB":  # made before there were such tags
            of_job = re.match(r"job-(\d+)-run-", self.name)
            return tags | ({"JobId": of_job[1]} if of_job else {})
        return tags | (self.tags or {})

    @property
    def securable(self) -> Securable:
        """What permissions are granted on."""
        return Securable("clusters", self.id)

    @property
    def autotermination_minutes(self) -> int:
        """After so many minutes without activity it ends; 0 is never."""
        return int(self.definition.get("autotermination_minutes", 0))


@dataclass(frozen=True)
class EventRecord:
    """Something that happened to a cluster; see the table `cluster_events`."""

    cluster_id: str
    timestamp: int
    type: str
    details: Json
