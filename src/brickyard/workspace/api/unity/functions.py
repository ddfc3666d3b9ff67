"""Functions: `w.functions` of the SDK."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from brickyard.workspace.api.base import Call, Family
from brickyard.workspace.api.errors import InvalidParameterValue
from brickyard.workspace.api.shape import check_shape
from brickyard.workspace.api.unity.guards import editor, in_query, manages, marked, needs, sees, shown
from brickyard.workspace.api.unity.requests import changes, page
from brickyard.workspace.catalog.names import valid_name
from brickyard.workspace.catalog.privileges import ObjectKind
from brickyard.workspace.catalog.records import FUNCTION, FunctionRecord
from brickyard.workspace.catalog.type_texts import type_of_text
from brickyard.workspace.workspace import Workspace

if TYPE_CHECKING:
    from databricks.sdk.service.catalog import FunctionInfo

__all__ = ["declare", "described"]

_BASE = "/api/2.1/unity-catalog/functions"
_NAMES = ("catalog_name", "schema_name", "name")


def declare(family: Family) -> None:
    """Add these calls to the family."""
    kind, above, where = ObjectKind.FUNCTION, ObjectKind.SCHEMA, ("catalog_name", "schema_name")
    family.call("POST", _BASE, access=needs(above, _schema, "USE_SCHEMA", "CREATE_FUNCTION"))(create)
    family.call("GET", _BASE, access=sees(above, in_query(*where)))(list_functions)
    family.call("GET", _BASE + "/{name}", access=sees(kind))(get)
    family.call("PATCH", _BASE + "/{name}", access=manages(kind))(update)
    family.call("DELETE", _BASE + "/{name}", access=manages(kind))(delete)


def _info_of(call: Call) -> dict[str, Any]:
    given = call.body.get("function_info")
    if not isinstance(given, dict):
        raise InvalidParameterValue("function_info is required")
    return given


def _schema(call: Call) -> str:
    return ".".join(valid_name(_info_of(call).get(field), field) for field in _NAMES[:2])


def create(workspace: Workspace, call: Call) -> FunctionInfo:
    """Make a function; its body is kept as it is, and executed by who calls it with the rights of its owner."""
    given = _info_of(call)
    definition, functions = _definition(given), workspace.catalog.functions
    name = ".".join(valid_name(given.get(field), field) for field in _NAMES)
    return _info(workspace, functions.create(name, call.principal.user_name, definition, given.get("comment")))


def _definition(given: dict[str, Any]) -> dict[str, Any]:
    """What a function is, without its name.

    Raises:
        InvalidParameterValue: It has a field that functions do not have.
    """
    from databricks.sdk.service.catalog import CreateFunction

    check_shape(CreateFunction, given)
    for unknown in given.keys() - CreateFunction.__dataclass_fields__.keys():
        raise InvalidParameterValue(f"function_info has the unknown field {unknown}")
    return {field: value for field, value in given.items() if field not in (*_NAMES, "comment")}


def list_functions(workspace: Workspace, call: Call) -> dict[str, Any]:
    """The functions of a schema that the caller may see."""
    parts = [valid_name(call.query.get(field), field) for field in _NAMES[:2]]
    found = shown(workspace, call, ObjectKind.FUNCTION, workspace.catalog.functions.all(".".join(parts)))
    return page(call, "functions", found, lambda one: one.full_name, lambda one: _shown(workspace, call, one))


def get(workspace: Workspace, call: Call) -> FunctionInfo:
    """One function."""
    return _shown(workspace, call, workspace.catalog.functions.get(call.path["name"]))


def update(workspace: Workspace, call: Call) -> FunctionInfo:
    """Change the owner; or, as this workspace's own engines ask, what it is."""
    values = changes(workspace, call, "owner", "function_info")
    if "function_info" in call.body:
        given = _info_of(call)
        values |= {"definition": _definition(given), "comment": given.get("comment")}
    return _info(workspace, workspace.catalog.redefine(FUNCTION, call.path["name"], values, editor(workspace, call)))


def delete(workspace: Workspace, call: Call) -> None:
    """Delete a function."""
    workspace.catalog.functions.delete(call.path["name"])


def described(workspace: Workspace, record: FunctionRecord) -> FunctionInfo:
    """A function, to whom may use it."""
    return _info(workspace, record)


def _shown(workspace: Workspace, call: Call, record: FunctionRecord) -> FunctionInfo:
    return marked(workspace, call, ObjectKind.FUNCTION, record, _info(workspace, record))


def _info(workspace: Workspace, record: FunctionRecord) -> FunctionInfo:
    from databricks.sdk.service.catalog import FunctionInfo

    catalog, schema, name = record.full_name.split(".")
    return FunctionInfo.from_dict(
        {
            **_described(record.definition),
            "name": name,
            "catalog_name": catalog,
            "schema_name": schema,
            "full_name": record.full_name,
            "function_id": record.id,
            "comment": record.comment,
            "owner": record.owner,
            "metastore_id": workspace.catalog.metastore_id,
            "created_at": record.created_at,
            "created_by": record.created_by,
            "updated_at": record.updated_at,
            "updated_by": record.updated_by,
        }
    )


def _described(definition: Mapping[str, Any]) -> dict[str, Any]:
    """A function with the types of its parameters also as the JSON of a schema, which clients of functions read."""
    found = dict(definition)
    for field in ("input_params", "return_params"):
        parameters = (found.get(field) or {}).get("parameters")
        if parameters:
            found[field] = {"parameters": [_parameter(one) for one in parameters]}
    return found


def _parameter(given: Mapping[str, Any]) -> dict[str, Any]:
    kind = type_of_text(given.get("type_text") or "")
    if kind is None or (given.get("type_json") or "").startswith('{"'):
        return dict(given)
    column = {"name": given["name"], "type": kind, "nullable": True, "metadata": {}}
    text = given["type_text"] if "<" in given["type_text"] else given["type_text"].lower()
    return {**given, "type_text": text, "type_json": json.dumps(column, separators=(",", ":"))}
