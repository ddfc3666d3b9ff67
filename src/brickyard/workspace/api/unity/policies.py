"""Row filters and column masks of tables, as the tables API has them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from brickyard.workspace.api.base import Call
from brickyard.workspace.api.errors import InvalidParameterValue
from brickyard.workspace.api.unity.guards import caller
from brickyard.workspace.catalog.columns import read_columns, read_properties
from brickyard.workspace.catalog.hive import in_hive
from brickyard.workspace.catalog.names import valid_full_name
from brickyard.workspace.catalog.policies import COLUMN_MASKS, ROW_FILTER, Policies
from brickyard.workspace.catalog.privileges import ObjectKind
from brickyard.workspace.catalog.records import TableRecord
from brickyard.workspace.workspace import Workspace

if TYPE_CHECKING:
    from databricks.sdk.service.catalog import TableInfo

__all__ = ["FIELDS", "changed", "created", "show"]

#: What this workspace's own engines send to change them.
FIELDS = (ROW_FILTER, COLUMN_MASKS)


def created(workspace: Workspace, call: Call, name: str, kind: str, place: Path | None) -> dict[str, Any]:
    """What is to be kept with a new table, whose log may be there: its `row_filter`, and the `mask` of each column.

    Raises:
        InvalidParameterValue: They are none, or of something that can have none.
        PermissionDenied: Without EXECUTE on the function.
    """
    columns = call.body.get("columns") or []
    masks = {str(one.get("name")).lower(): _mask(one["mask"]) for one in columns if one.get("mask")}
    row_filter = call.body.get(ROW_FILTER)
    found = {ROW_FILTER: _filter(row_filter) if row_filter else None, COLUMN_MASKS: masks or None}
    _require(workspace, call, name, kind, found)
    if place is not None:
        _need_unchecked(name, place, Policies.of(found))
    return found


def changed(workspace: Workspace, call: Call, record: TableRecord, now: Policies) -> dict[str, Any]:
    """What is to be kept with a table from now on.

    Raises:
        InvalidParameterValue: As for `created`.
        PermissionDenied: As for `created`.
    """
    found: dict[str, Any] = {}
    if ROW_FILTER in call.body:
        found[ROW_FILTER] = _filter(call.body[ROW_FILTER]) if call.body[ROW_FILTER] else None
    if COLUMN_MASKS in call.body:
        sent = call.body[COLUMN_MASKS]
        if not isinstance(sent, dict):
            raise InvalidParameterValue("column_masks must be an object, by column")
        masks = {**now.masks, **{column.lower(): _mask(one) if one else None for column, one in sent.items()}}
        found[COLUMN_MASKS] = {column: one for column, one in masks.items() if one is not None} or None
    _require(workspace, call, record.full_name, record.table_type, found)
    given = {column: one for column, one in (found.get(COLUMN_MASKS) or {}).items() if one != now.masks.get(column)}
    _need_fitting(workspace, record, Policies(found.get(ROW_FILTER), given))
    return found


def show(policies: Policies, info: TableInfo) -> TableInfo:
    """A table with them."""
    from databricks.sdk.service.catalog import ColumnMask, TableRowFilter

    if policies.row_filter is not None:
        info.row_filter = TableRowFilter.from_dict(dict(policies.row_filter))
    for column in info.columns or []:
        mask = policies.masks.get((column.name or "").lower())
        if mask is not None:
            column.mask = ColumnMask.from_dict(dict(mask))
    return info


def _require(workspace: Workspace, call: Call, name: str, kind: str, values: Mapping[str, Any]) -> None:
    functions = Policies.of(values).functions
    if functions and (kind == "VIEW" or in_hive(name)):
        raise InvalidParameterValue(f"{name} can have no row filter and no masks: it is no table of the metastore.")
    for function in functions:
        workspace.catalog.functions.get(function)
        caller(workspace, call).require(ObjectKind.FUNCTION, function, "EXECUTE")


def _need_fitting(workspace: Workspace, record: TableRecord, policies: Policies) -> None:
    """Refuse what SQL refuses: tables of other files, columns that there are not, functions that take others."""
    if policies and record.format != "DELTA":
        raise InvalidParameterValue(f"{record.full_name} can have no row filter and no masks: it is no Delta table.")
    if policies:
        _need_unchecked(record.full_name, record.directory, policies)
    known = {str(one.name).lower() for one in read_columns(record.directory)} if policies else set()
    uses = [(one["function_name"], [column, *one["using_column_names"]]) for column, one in policies.masks.items()]
    if policies.row_filter is not None:
        uses.append((policies.row_filter["function_name"], policies.row_filter["input_column_names"]))
    for function, columns in uses:
        missing = [one for one in columns if one.lower() not in known]
        if missing:
            raise InvalidParameterValue(
                f"{record.full_name} has no column {', '.join(missing)}, which {function} needs"
            )
        definition = workspace.catalog.functions.get(function).definition
        parameters = (definition.get("input_params") or {}).get("parameters") or []
        needed = sum(one.get("parameter_default") is None for one in parameters)
        if not needed <= len(columns) <= len(parameters):
            raise InvalidParameterValue(f"{function} takes {needed} arguments, not {len(columns)}")


def _need_unchecked(name: str, place: Path, policies: Policies) -> None:
    """A table with CHECK constraints, whose errors would tell what is hidden, has no row filter and no masks."""
    if policies and any(key.startswith("delta.constraints.") for key in read_properties(place)):
        kind = "COLUMN_MASKS" if policies.masks else "ROW_LEVEL_SECURITY"
        raise InvalidParameterValue(
            f"[{kind}_FEATURE_NOT_SUPPORTED.CHECK_CONSTRAINT] Policies of tables with CHECK constraints are "
            f"not supported: {name} has some."
        )


def _filter(sent: object) -> dict[str, Any]:
    return {"function_name": _function(sent), "input_column_names": _names(sent, "input_column_names")}


def _mask(sent: object) -> dict[str, Any]:
    return {"function_name": _function(sent), "using_column_names": _names(sent, "using_column_names")}


def _function(sent: object) -> str:
    if not isinstance(sent, dict) or not isinstance(sent.get("function_name"), str):
        raise InvalidParameterValue("a row filter and a mask need function_name, as text")
    return valid_full_name(sent["function_name"], 3)


def _names(sent: Any, field: str) -> list[str]:
    names = sent.get(field) or []
    if not isinstance(names, Iterable) or not all(isinstance(one, str) for one in names):
        raise InvalidParameterValue(f"{field} must be a list of names")
    return list(names)
