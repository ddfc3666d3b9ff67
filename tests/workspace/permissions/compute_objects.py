"""Cluster policies and what else clusters are made of: how each is made, and which level each action on it needs."""

from __future__ import annotations

from tests.workspace.permissions.actions import Action, Thing
from tests.workspace.permissions.people import Lab, Robot

__all__ = ["POLICY", "POOL", "policy", "pool"]

NODE = "Standard_DS3_v2"


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
