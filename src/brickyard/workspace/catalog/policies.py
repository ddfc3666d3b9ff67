"""Row filters and column masks: functions of the catalog that say which rows and values of a table a reader gets.

They are kept with the table's id, so that they stay with it under another name and when it is taken back after a drop.

Source: https://docs.databricks.com/data-governance/unity-catalog/filters-and-masks
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["COLUMN_MASKS", "ROW_FILTER", "Policies"]

ROW_FILTER, COLUMN_MASKS = "row_filter", "column_masks"


@dataclass(frozen=True)
class Policies:
    """Those of one table.

    Attributes:
        row_filter: `function_name` and `input_column_names`, as the API has them.
        masks: By column, in lower case, `function_name` and `using_column_names`.
    """

    row_filter: Mapping[str, Any] | None = None
    masks: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @staticmethod
    def of(attributes: Mapping[str, Any]) -> Policies:
        """Read what is kept with a table."""
        return Policies(attributes.get(ROW_FILTER), attributes.get(COLUMN_MASKS) or {})

    def __bool__(self) -> bool:
        return self.row_filter is not None or bool(self.masks)

    @property
    def functions(self) -> frozenset[str]:
        """The full names of the functions, in lower case."""
        found = [*([self.row_filter] if self.row_filter else []), *self.masks.values()]
        return frozenset(str(one["function_name"]).lower() for one in found)
