"""The metastore's limits, its lists of artifacts, and the schemas of `system`.

Source of the limits: https://docs.databricks.com/resources/limits ("Unity Catalog").
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from brickyard.workspace.api.access import admins_only, anyone
from brickyard.workspace.api.base import Call, Family
from brickyard.workspace.api.errors import InvalidParameterValue, NotFound, NotImplementedByWorkspace
from brickyard.workspace.api.shape import check_shape
from brickyard.workspace.catalog.errors import does_not_exist
from brickyard.workspace.clock import now
from brickyard.workspace.workspace import Workspace

__all__ = ["declare"]

_BASE = "/api/2.1/unity-catalog"
_CATALOGS, _SCHEMAS, _IN_SCHEMAS = 1000, 10_000, 10_000
#: Schemas of `system` that the vendor has tables in; here there is the first.
_SYSTEM = (
    "information_schema",
    "access",
    "billing",
    "compute",
    "lakeflow",
    "marketplace",
    "query",
    "serving",
    "storage",
)


def declare(family: Family) -> None:
    """Add these calls to the family."""
    family.call("GET", f"{_BASE}/resource-quotas/all-resource-quotas", access=admins_only)(list_quotas)
    one = f"{_BASE}/resource-quotas/{{type}}/{{name}}/{{quota}}"
    family.call("GET", one, access=admins_only)(get_quota)
    family.call("GET", f"{_BASE}/artifact-allowlists/{{type}}", access=anyone)(get_allowlist)
    family.call("PUT", f"{_BASE}/artifact-allowlists/{{type}}", access=admins_only)(update_allowlist)
    schemas = f"{_BASE}/metastores/{{id}}/systemschemas"
    family.call("GET", schemas, access=anyone)(list_system_schemas)
    family.call("PUT", schemas + "/{name}", access=admins_only)(enable_system_schema)
    family.call("DELETE", schemas + "/{name}", access=admins_only)(disable_system_schema)


def list_quotas(workspace: Workspace, call: Call) -> dict[str, Any]:
    """How much of each limit is used."""
    return {"quotas": list(_quotas(workspace))}


def get_quota(workspace: Workspace, call: Call) -> dict[str, Any]:
    """How much of one limit is used."""
    wanted = (call.path["type"].upper(), call.path["name"], call.path["quota"])
    for one in _quotas(workspace):
        if (one["parent_securable_type"], one["parent_full_name"], one["quota_name"]) == wanted:
            return {"quota_info": one}
    raise NotFound(f"There is no quota {call.path['quota']} of the {call.path['type']} {call.path['name']}.")


def _quotas(workspace: Workspace) -> Iterator[dict[str, Any]]:
    catalog = workspace.catalog
    above = catalog.catalogs()
    yield _quota("METASTORE", catalog.metastore_id, "catalog-quota", len(above), _CATALOGS)
    for one in above:
        schemas = catalog.schemas(one.name)
        yield _quota("CATALOG", one.name, "schema-quota", len(schemas), _SCHEMAS)
        for schema in schemas:
            name = schema.full_name
            yield _quota("SCHEMA", name, "table-quota", len(catalog.tables(name)), _IN_SCHEMAS)
            yield _quota("SCHEMA", name, "volume-quota", len(catalog.volumes(name)), _IN_SCHEMAS)
            yield _quota("SCHEMA", name, "function-quota", len(catalog.functions.all(name)), _IN_SCHEMAS)


def _quota(kind: str, name: str, quota: str, count: int, limit: int) -> dict[str, Any]:
    counted = {"quota_name": quota, "quota_count": count, "quota_limit": limit}
    return {
        "parent_securable_type": kind,
        "parent_full_name": name,
        **counted,
        "last_refreshed_at": now(),
    }


def get_allowlist(workspace: Workspace, call: Call) -> dict[str, Any]:
    """Which artifacts may be used on shared clusters; here it is kept, as there are none."""
    kept = workspace.catalog.attributes.of(workspace.catalog.metastore_id).get(_artifacts(call), {})
    return {"metastore_id": workspace.catalog.metastore_id, "artifact_matchers": [], **kept}


def update_allowlist(workspace: Workspace, call: Call) -> dict[str, Any]:
    """Say which artifacts may be used."""
    from databricks.sdk.service.catalog import ArtifactAllowlistInfo

    check_shape(ArtifactAllowlistInfo, call.body)
    matchers = call.body.get("artifact_matchers") or []
    stamp = {"created_at": now(), "created_by": call.principal.user_name}
    values = {_artifacts(call): {"artifact_matchers": matchers, **stamp}}
    workspace.catalog.attributes.put(workspace.catalog.metastore_id, values)
    return get_allowlist(workspace, call)


def _artifacts(call: Call) -> str:
    from databricks.sdk.service.catalog import ArtifactType

    if call.path["type"] not in ArtifactType.__members__:
        raise InvalidParameterValue(f"artifact_type must be one of {', '.join(ArtifactType.__members__)}")
    return f"allowlist {call.path['type']}"


def list_system_schemas(workspace: Workspace, call: Call) -> dict[str, Any]:
    """The schemas of `system`, and whether each is there."""
    _require_metastore(workspace, call)
    states = dict.fromkeys(_SYSTEM, "UNAVAILABLE") | {_SYSTEM[0]: "ENABLE_COMPLETED"}
    return {"schemas": [{"schema": name, "state": state} for name, state in states.items()]}


def enable_system_schema(workspace: Workspace, call: Call) -> None:
    """Enable a schema of `system`."""
    _require_metastore(workspace, call)
    if _system_schema(call) != _SYSTEM[0]:
        raise NotImplementedByWorkspace(f"system.{call.path['name']} has tables of the vendor's cloud only.")


def disable_system_schema(workspace: Workspace, call: Call) -> None:
    """Disable a schema of `system`; those that are not there are disabled already."""
    _require_metastore(workspace, call)
    if _system_schema(call) == _SYSTEM[0]:
        raise InvalidParameterValue("system.information_schema is always there.")


def _system_schema(call: Call) -> str:
    if call.path["name"] not in _SYSTEM:
        raise does_not_exist("SCHEMA", f"system.{call.path['name']}")
    return call.path["name"]


def _require_metastore(workspace: Workspace, call: Call) -> None:
    if call.path["id"] != workspace.catalog.metastore_id:
        raise does_not_exist("METASTORE", call.path["id"])
