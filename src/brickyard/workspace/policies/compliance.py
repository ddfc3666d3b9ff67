"""Whether clusters and jobs keep to their policies as these are now, and how they are made to."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from brickyard.workspace.api.errors import InvalidParameterValue, ResourceDoesNotExist
from brickyard.workspace.clusters.records import with_tags
from brickyard.workspace.jobs.clusters import having_cluster
from brickyard.workspace.policies.evaluation import Change, changes, enforce_rules, evaluate, refuse
from brickyard.workspace.policies.facts import facts_of
from brickyard.workspace.policies.records import PolicyRecord

if TYPE_CHECKING:
    from brickyard.workspace.policies.service import Policies

__all__ = ["Enforcement", "clusters_of_job", "enforce_cluster", "enforce_job", "violations", "violations_of_job"]

_MOST = 200
Json = dict[str, Any]


@dataclass(frozen=True)
class Enforcement:
    """What something becomes under its policies: its definition or settings, and what differs from before."""

    made: Json
    changes: list[Change]


def violations(policies: Policies, cluster: Mapping[str, Any], source: str) -> dict[str, str]:
    """What is wrong with a cluster, by the path of the attribute; nothing where it has no policy."""
    policy = _policy(policies, cluster)
    if policy is None:
        return {}
    defaults = bool(cluster.get("apply_policy_default_values"))
    found = evaluate(policy.rules, _limited(cluster), facts_of(source), defaults=defaults).violations
    return dict(list(found.items())[:_MOST])


def enforce_cluster(policies: Policies, cluster: Mapping[str, Any], source: str) -> Enforcement:
    """A cluster as its policy wants it; one that keeps to it stays as it is.

    Raises:
        InvalidParameterValue: It has no policy, or something cannot be put right by rule.
    """
    policy = _policy(policies, cluster)
    if policy is None:
        raise InvalidParameterValue("the cluster has no policy that could be enforced")
    if not violations(policies, cluster, source):
        return Enforcement(dict(cluster), [])
    done = enforce_rules(policy.rules, _limited(cluster), facts_of(source))
    refuse(done.violations)
    made = {**done.cluster, "policy_id": policy.id}
    return Enforcement(made, list(changes(cluster, made)))


def clusters_of_job(settings: Mapping[str, Any]) -> Iterator[tuple[str, Json]]:
    """The clusters that a job makes, by the key of the job cluster or task."""
    for key, one in having_cluster(settings):
        yield key, one["new_cluster"]


def violations_of_job(policies: Policies, settings: Mapping[str, Any]) -> dict[str, str]:
    """What is wrong with a job's clusters; the key of the cluster is before each path."""
    found = {
        f"{key}.{path}": message
        for key, cluster in clusters_of_job(settings)
        for path, message in violations(policies, with_tags(cluster, settings.get("tags", {})), "JOB").items()
    }
    return dict(list(found.items())[:_MOST])


def enforce_job(policies: Policies, settings: Mapping[str, Any]) -> Enforcement:
    """A job's settings with clusters as their policies want them.

    Raises:
        InvalidParameterValue: Something cannot be put right by rule.
    """
    made, found = copy.deepcopy(dict(settings)), list[Change]()
    tags = made.get("tags", {})
    for key, one in having_cluster(made):
        if one["new_cluster"].get("policy_id"):
            done = enforce_cluster(policies, with_tags(one["new_cluster"], tags), "JOB")
            refuse(violations(policies, with_tags(done.made, tags), "JOB"))  # a tag of the job that may not be
            one["new_cluster"] = _without_tags(done.made, tags, one["new_cluster"])
            found += [Change(f"{key}.{change.field}", change.previous, change.new) for change in done.changes]
    return Enforcement(made, found)


def _without_tags(made: Json, tags: Mapping[str, str], before: Json) -> Json:
    """A cluster without the tags that are of its job alone."""
    own, had = made.get("custom_tags", {}), before.get("custom_tags") or {}
    kept = {name: value for name, value in own.items() if name in had or tags.get(name) != value}
    without = {name: value for name, value in made.items() if name != "custom_tags"}
    return {**without, "custom_tags": kept} if kept or "custom_tags" in before else without


def _policy(policies: Policies, cluster: Mapping[str, Any]) -> PolicyRecord | None:
    if not cluster.get("policy_id"):
        return None
    try:
        return policies.get(cluster["policy_id"])
    except ResourceDoesNotExist:  # it was deleted: nothing limits the cluster any more
        return None


def _limited(cluster: Mapping[str, Any]) -> Json:
    """What a policy can limit of a cluster."""
    return {name: value for name, value in cluster.items() if name != "policy_id"}
