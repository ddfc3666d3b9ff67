"""What all warehouses of a workspace have: which types there can be, and the SQL parameters that statements start with.

Source: `databricks.sdk.service.sql.WarehousesAPI.set_workspace_warehouse_config`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from brickyard.workspace.api.errors import InvalidParameterValue, NotImplementedByWorkspace
from brickyard.workspace.api.shape import check_shape

if TYPE_CHECKING:
    from brickyard.workspace.identity.settings import Settings

__all__ = ["PARAMETERS", "WarehouseConfig", "check_parameters"]

_NAME = "sql warehouses"
_TYPES = ("CLASSIC", "PRO")
_FIRST: Mapping[str, Any] = {
    "security_policy": "NONE",
    "enable_serverless_compute": True,
    "enabled_warehouse_types": [{"warehouse_type": kind, "enabled": True} for kind in _TYPES],
}
_OF_CLOUDS = ("data_access_config", "google_service_account", "instance_profile_arn")
_PAIRS = ("sql_configuration_parameters", "global_param", "config_param")
#: SQL parameters of the service, and the values that they can only have here; none where they can have several.
PARAMETERS: Mapping[str, str | None] = {
    "ANSI_MODE": "true",
    "ENABLE_PHOTON": None,
    "LEGACY_TIME_PARSER_POLICY": None,
    "MAX_FILE_PARTITION_BYTES": None,
    "QUERY_TAGS": None,
    "READ_ONLY_EXTERNAL_METASTORE": None,
    "STATEMENT_TIMEOUT": None,
    "TIMEZONE": None,
    "USE_CACHED_RESULT": None,
}


class WarehouseConfig:
    """Reads and changes what holds for all warehouses.

    Args:
        settings: Where it is kept.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def get(self) -> dict[str, Any]:
        """As the API has it."""
        text = self._settings.document(_NAME)
        return {**_FIRST, **(json.loads(text) if text else {})}

    def change(self, body: Mapping[str, Any]) -> None:
        """Set what a body has; what it leaves out has its first value again.

        Raises:
            InvalidParameterValue: A value that it cannot have.
            NotImplementedByWorkspace: A field that means nothing without a cloud.
        """
        from databricks.sdk.service.sql import GetWorkspaceWarehouseConfigResponse

        check_shape(GetWorkspaceWarehouseConfigResponse, body)
        for name in body.keys() - GetWorkspaceWarehouseConfigResponse.__dataclass_fields__.keys():
            raise InvalidParameterValue(f"{name} is not a setting of all SQL warehouses")
        for name in _OF_CLOUDS:
            if body.get(name):
                raise NotImplementedByWorkspace(f"{name} is not implemented: a local workspace has no cloud's storage")
        if body.get("security_policy") not in (None, "NONE"):
            raise NotImplementedByWorkspace("security_policy is always NONE here: privileges are Unity Catalog's")
        if body.get("enable_serverless_compute") is False:
            raise InvalidParameterValue("enable_serverless_compute can only be true")
        check_parameters(_parameters(body))
        kept = {name: value for name, value in body.items() if value is not None}
        self._settings.keep_document(_NAME, json.dumps(kept))

    @property
    def parameters(self) -> dict[str, str]:
        """The SQL parameters that statements start with, under their names in capitals."""
        return _parameters(self.get())

    def check_type(self, kind: str) -> None:
        """Refuse a type of warehouses that is switched off.

        Raises:
            InvalidParameterValue: It is.
        """
        for one in self.get()["enabled_warehouse_types"]:
            if one.get("warehouse_type") == kind and not one.get("enabled"):
                raise InvalidParameterValue(f"Warehouses of type {kind} are disabled in this workspace.")


def check_parameters(parameters: Mapping[str, str]) -> None:
    """Refuse SQL parameters that there are not, or that cannot have their value here.

    Raises:
        InvalidParameterValue: There is none of that name, or the value is none of it.
        NotImplementedByWorkspace: It can only have another value here.
    """
    for name, value in parameters.items():
        if name not in PARAMETERS:
            raise InvalidParameterValue(f"{name} is not a SQL parameter; known are {', '.join(PARAMETERS)}")
        only = PARAMETERS[name]
        if only is not None and value.lower() != only:
            raise NotImplementedByWorkspace(f"{name} is always {only} in a local workspace")
    timeout = parameters.get("STATEMENT_TIMEOUT", "0")
    if not timeout.isdecimal() or len(timeout) > 9:
        raise InvalidParameterValue("STATEMENT_TIMEOUT must be a number of seconds; 0 is never")


def _parameters(config: Mapping[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in reversed(_PAIRS):  # the first is the one that is not deprecated
        for pair in (config.get(name) or {}).get("configuration_pairs") or []:
            found[str(pair.get("key")).upper()] = str(pair.get("value"))
    return found
