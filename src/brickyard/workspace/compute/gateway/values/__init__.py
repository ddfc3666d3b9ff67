"""Right values: expressions that Sail evaluates otherwise than Databricks, replaced by ones that it evaluates alike."""

from brickyard.workspace.compute.gateway.values.calls import concerns
from brickyard.workspace.compute.gateway.values.nesting import one_plan
from brickyard.workspace.compute.gateway.values.partitions import type_partitions
from brickyard.workspace.compute.gateway.values.relations import correct_relation
from brickyard.workspace.compute.gateway.values.statements import correct_sql
from brickyard.workspace.compute.gateway.values.zoned import in_session_zone

__all__ = ["concerns", "correct_relation", "correct_sql", "in_session_zone", "one_plan", "type_partitions"]
