"""The builder of a merge."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql.connect.plan import LogicalPlan

from brickyard.runtime.delta.messages import message
from brickyard.runtime.delta.plans import DeltaPlan, collect
from brickyard.runtime.delta.values import as_column, assignments

__all__ = ["DeltaMergeBuilder"]

Values = Mapping[str, Any]


class DeltaMergeBuilder:
    """Says what happens to rows that match, that are new, and that the source no longer has; `execute` does it."""

    def __init__(self, session: Any, target: LogicalPlan, source: LogicalPlan, condition: Column) -> None:
        self._session = session
        self._asked = message("DeltaRelation")()
        place = self._merge = self._asked.merge_into_table
        self._parts: list[tuple[Any, str, Any]] = [
            (place, "target", target),
            (place, "source", source),
            (place, "condition", condition),
        ]

    def whenMatchedUpdate(self, condition: Any = None, set: Values | None = None) -> DeltaMergeBuilder:
        """Set columns of rows that match."""
        return self._set(self._merge.matched_actions, condition, set, "set", "update_action")

    def whenMatchedUpdateAll(self, condition: Any = None) -> DeltaMergeBuilder:
        """Set all columns of rows that match to those of the source."""
        self._action(self._merge.matched_actions, condition).update_star_action.SetInParent()
        return self

    def whenMatchedDelete(self, condition: Any = None) -> DeltaMergeBuilder:
        """Delete rows that match."""
        self._action(self._merge.matched_actions, condition).delete_action.SetInParent()
        return self

    def whenNotMatchedInsert(self, condition: Any = None, values: Values | None = None) -> DeltaMergeBuilder:
        """Insert rows of the source that match none, with these values."""
        return self._set(self._merge.not_matched_actions, condition, values, "values", "insert_action")

    def whenNotMatchedInsertAll(self, condition: Any = None) -> DeltaMergeBuilder:
        """Insert rows of the source that match none."""
        self._action(self._merge.not_matched_actions, condition).insert_star_action.SetInParent()
        return self

    def whenNotMatchedBySourceUpdate(self, condition: Any = None, set: Values | None = None) -> DeltaMergeBuilder:
        """Set columns of rows that no row of the source matches."""
        return self._set(self._merge.not_matched_by_source_actions, condition, set, "set", "update_action")

    def whenNotMatchedBySourceDelete(self, condition: Any = None) -> DeltaMergeBuilder:
        """Delete rows that no row of the source matches."""
        self._action(self._merge.not_matched_by_source_actions, condition).delete_action.SetInParent()
        return self

    def withSchemaEvolution(self) -> DeltaMergeBuilder:
        """Add columns that only the source has to the table."""
        self._merge.with_schema_evolution = True
        return self

    def execute(self) -> DataFrame:
        """Do it; one row with how many rows were changed."""
        return collect(self._session, DeltaPlan(self._asked, self._parts))

    def _action(self, actions: Any, condition: Any) -> Any:
        action = actions.add()
        if condition is not None:
            self._parts.append((action, "condition", as_column(condition, "condition")))
        return action

    def _set(self, actions: Any, condition: Any, given: Any, name: str, field: str) -> DeltaMergeBuilder:
        place = getattr(self._action(actions, condition), field)
        place.SetInParent()
        self._parts += assignments(place, given, name)
        return self
