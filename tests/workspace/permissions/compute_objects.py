"""Cluster policies and what else clusters are made of: how each is made, and which level each action on it needs."""

from __future__ import annotations

from databricks.sdk.service.compute import Library

from tests.workspace.permissions.actions import Action, Thing
from tests.workspace.permissions.people import Lab, Robot

__all__ = ["CLUSTER", "CLUSTER_LEVELS", "POLICY", "POOL", "cluster", "policy", "pool"]

NODE = "Standard_DS3_v2"
LIBRARY = Library(whl="/Workspace/Shared/none.whl")
CLUSTER_LEVELS = ("CAN_ATTACH_TO", "CAN_RESTART", "CAN_MANAGE")


def policy(lab: Lab, _: Robot) -> Thing:
    """A policy without rules."""
    name = lab.name("policy")
    return Thing(lab.w.cluster_policies.create(name=name).policy_id or "", name)


POLICY = {
    "get it": Action(lambda c, o: c.cluster_policies.get(o.id), "CAN_USE"),
    "find it in the list": Action(lambda c, o: o.id in [one.policy_id for one in c.cluster_policies.list()], "CAN_USE"),
    "edit it": Action(lambda c, o: c.cluster_policies.edit(o.id, name=o.name), None),
    "delete it": Action(lambda c, o: c.cluster_policies.delete(o.id), None, spends=True),
}


def pool(lab: Lab, _: Robot) -> Thing:
    """A pool that nobody uses."""
    name = lab.name("pool")
    return Thing(lab.w.instance_pools.create(name, NODE).instance_pool_id or "", name)


POOL = {
    "get it": Action(lambda c, o: c.instance_pools.get(o.id), "CAN_ATTACH_TO"),
    "find it in the list": Action(
        lambda c, o: o.id in [one.instance_pool_id for one in c.instance_pools.list()], "CAN_ATTACH_TO"
    ),
    "edit it": Action(lambda c, o: c.instance_pools.edit(o.id, o.name, NODE), "CAN_MANAGE"),
    "delete it": Action(lambda c, o: c.instance_pools.delete(o.id), "CAN_MANAGE", spends=True),
}


def cluster(lab: Lab, _: Robot) -> Thing:
    """A cluster that is being terminated."""
    name = lab.name("cluster")
    made = lab.w.clusters.create("16.4.x-scala2.12", cluster_name=name, node_type_id=NODE, num_workers=0)
    lab.w.clusters.delete(made.cluster_id)
    return Thing(made.cluster_id, name)


CLUSTER = {
    "get it": Action(lambda c, o: c.clusters.get(o.id), "CAN_ATTACH_TO"),
    "find it in the list": Action(lambda c, o: o.id in [one.cluster_id for one in c.clusters.list()], "CAN_ATTACH_TO"),
    "see what happened to it": Action(lambda c, o: list(c.clusters.events(o.id)), "CAN_ATTACH_TO"),
    "restart it": Action(lambda c, o: c.clusters.restart(o.id), "CAN_RESTART", may_fail=True),
    "terminate it": Action(lambda c, o: c.clusters.delete(o.id), "CAN_RESTART"),
    "edit it": Action(
        lambda c, o: c.clusters.edit(o.id, "16.4.x-scala2.12", node_type_id=NODE, num_workers=1),
        "CAN_MANAGE",
        may_fail=True,
    ),
    "see its libraries": Action(lambda c, o: list(c.libraries.cluster_status(o.id)), "CAN_ATTACH_TO"),
    "give it a library": Action(lambda c, o: c.libraries.install(o.id, [LIBRARY]), "CAN_MANAGE"),
    "take a library from it": Action(lambda c, o: c.libraries.uninstall(o.id, [LIBRARY]), "CAN_MANAGE"),
    "see whether it keeps to its policy": Action(
        lambda c, o: c.policy_compliance_for_clusters.get_compliance(o.id), "CAN_ATTACH_TO"
    ),
    "make it keep to its policy": Action(
        lambda c, o: c.policy_compliance_for_clusters.enforce_compliance(o.id), "CAN_MANAGE", may_fail=True
    ),
    "pin it": Action(lambda c, o: c.clusters.pin(o.id), None),
    "delete it": Action(lambda c, o: c.clusters.permanent_delete(o.id), "CAN_MANAGE", spends=True),
}
