"""Plans of Spark Connect that carry a request about a Delta table."""

from __future__ import annotations

from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql.connect.plan import LogicalPlan
from pyspark.sql.connect.proto import commands_pb2

from brickyard.runtime.delta.messages import COMMAND_URL, RELATION_URL, message

__all__ = ["DeltaPlan", "collect", "run"]


class DeltaPlan(LogicalPlan):
    """A relation that the workspace answers.

    Args:
        request: The `DeltaRelation`, in which plans and columns are still to be put.
        parts: What is to be put: the message, its field, and the plan or column.
    """

    def __init__(self, request: Any, parts: list[tuple[Any, str, Any]] | None = None) -> None:
        super().__init__(None)
        self._request = request
        self._parts = parts or []

    def plan(self, session: Any) -> Any:
        """The relation, for a client."""
        for place, field, value in self._parts:
            made = value.plan(session) if isinstance(value, LogicalPlan) else value.to_plan(session)
            setattr(place, field, made.SerializeToString())
        relation = self._create_proto_relation()
        relation.extension.type_url = RELATION_URL
        relation.extension.value = self._request.SerializeToString()
        return relation


def collect(session: Any, plan: DeltaPlan) -> DataFrame:
    """Run a plan once, and keep its rows: looking at them must not run it again."""
    table = session.client.to_table(plan.to_proto(session.client), {})[0]
    frame: DataFrame = session.createDataFrame(table)
    return frame


def run(session: Any, name: str, request: Any) -> None:
    """Run a command.

    Args:
        session: The Spark session.
        name: The command's field in a `DeltaCommand`.
        request: The content of the field.
    """
    asked = message("DeltaCommand")()
    getattr(asked, name).CopyFrom(request)
    command = commands_pb2.Command()
    command.extension.type_url = COMMAND_URL
    command.extension.value = asked.SerializeToString()
    session.client.execute_command(command)
