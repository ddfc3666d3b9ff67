"""SQL warehouses and saved queries: how each is made, and which level each action on it needs."""

from __future__ import annotations

from databricks.sdk.service.sql import CreateQueryRequestQuery, UpdateQueryRequestQuery

from tests.workspace.permissions.actions import Action, Thing
from tests.workspace.permissions.people import Lab, Robot

__all__ = ["QUERY", "QUERY_LEVELS", "WAREHOUSE", "WAREHOUSE_LEVELS", "query", "warehouse"]

WAREHOUSE_LEVELS = ("CAN_VIEW", "CAN_USE", "CAN_MONITOR", "CAN_MANAGE", "IS_OWNER")
QUERY_LEVELS = ("CAN_VIEW", "CAN_RUN", "CAN_EDIT", "CAN_MANAGE")


def warehouse(lab: Lab, _: Robot) -> Thing:
    """A warehouse that is stopped."""
    name = lab.name("warehouse")
    number = lab.w.warehouses.create(name=name, cluster_size="2X-Small").response.id or ""
    lab.w.warehouses.stop(number)
    return Thing(number, name)


WAREHOUSE = {
    "get it": Action(lambda c, o: c.warehouses.get(o.id), "CAN_VIEW"),
    "find it in the list": Action(lambda c, o: o.id in [one.id for one in c.warehouses.list()], "CAN_VIEW"),
    "execute on it": Action(
        lambda c, o: c.statement_execution.execute_statement("SELECT 1", o.id, wait_timeout="0s"),
        "CAN_USE",
        may_fail=True,
    ),
    "stop it": Action(lambda c, o: c.warehouses.stop(o.id), "CAN_MANAGE"),
    "edit it": Action(lambda c, o: c.warehouses.edit(o.id, name=o.name, cluster_size="Small"), "CAN_MANAGE"),
    "delete it": Action(lambda c, o: c.warehouses.delete(o.id), "CAN_MANAGE", spends=True),
}


def query(lab: Lab, _: Robot) -> Thing:
    """A saved query."""
    name = lab.name("query")
    made = lab.w.queries.create(query=CreateQueryRequestQuery(display_name=name, query_text="SELECT 1"))
    return Thing(made.id or "", name)


QUERY = {
    "get it": Action(lambda c, o: c.queries.get(o.id), "CAN_VIEW"),
    "find it in the list": Action(lambda c, o: o.id in [one.id for one in c.queries.list()], "CAN_VIEW"),
    "change it": Action(
        lambda c, o: c.queries.update(o.id, "query_text", query=UpdateQueryRequestQuery(query_text="SELECT 2")),
        "CAN_EDIT",
    ),
    "delete it": Action(lambda c, o: c.queries.delete(o.id), "CAN_MANAGE", spends=True),
}
