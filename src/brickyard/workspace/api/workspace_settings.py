"""Settings of the workspace that have a type of their own: which catalog is the default one.

Source: `databricks.sdk.service.settings.DefaultNamespaceAPI`. The etag is that of what is set, so that a change that
knows of another value is refused.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from brickyard.workspace.api.access import admins_only, anyone
from brickyard.workspace.api.base import Call, Family
from brickyard.workspace.api.errors import InvalidParameterValue, NotFound, ResourceConflict
from brickyard.workspace.api.shape import check_shape
from brickyard.workspace.workspace import Workspace

if TYPE_CHECKING:
    from databricks.sdk.service.settings import DefaultNamespaceSetting, DeleteDefaultNamespaceSettingResponse

__all__ = ["family"]

family = Family()
_DEFAULT_NAMESPACE = "/api/2.0/settings/types/default_namespace_ws/names/default"


class _NotSet(NotFound):
    """The setting has no value; the answer says with which etag it can be given one."""

    def body(self) -> dict[str, object]:
        details = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "metadata": {"etag": _etag(None)}}
        return {**super().body(), "details": [details]}


class _Changed(ResourceConflict):
    """Somebody else has changed the setting."""

    def __init__(self, message: str, etag: str) -> None:
        super().__init__(message)
        self._etag = etag

    def body(self) -> dict[str, object]:
        details = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "metadata": {"etag": self._etag}}
        return {**super().body(), "details": [details]}


@family.call("GET", _DEFAULT_NAMESPACE, access=anyone)
def get_default_namespace(workspace: Workspace, call: Call) -> DefaultNamespaceSetting:
    """The default catalog that was chosen."""
    chosen = workspace.identity.settings.chosen_catalog
    if chosen is None:
        raise _NotSet("The default namespace is not set: names of one or two parts are in the catalog main.")
    return _setting(chosen)


@family.call("PATCH", _DEFAULT_NAMESPACE, access=admins_only)
def update_default_namespace(workspace: Workspace, call: Call) -> DefaultNamespaceSetting:
    """Choose the default catalog; sessions that begin afterwards have it."""
    from databricks.sdk.service.settings import DefaultNamespaceSetting

    given: Any = call.body.get("setting")
    check_shape(DefaultNamespaceSetting, given, "setting")
    if call.body.get("field_mask") not in ("namespace.value", "namespace", "*"):
        raise InvalidParameterValue("field_mask must be namespace.value: there is nothing else to set")
    _require_fresh(workspace, given.get("etag"))
    name = str((given.get("namespace") or {}).get("value") or "")
    found = workspace.catalog.catalog(name).name
    workspace.identity.settings.choose_catalog(found)
    return _setting(found)


@family.call("DELETE", _DEFAULT_NAMESPACE, access=admins_only)
def delete_default_namespace(workspace: Workspace, call: Call) -> DeleteDefaultNamespaceSettingResponse:
    """Choose no default catalog; it is `main` again."""
    from databricks.sdk.service.settings import DeleteDefaultNamespaceSettingResponse

    _require_fresh(workspace, call.query.get("etag"))
    workspace.identity.settings.choose_catalog(None)
    return DeleteDefaultNamespaceSettingResponse(etag=_etag(None))


def _require_fresh(workspace: Workspace, etag: str | None) -> None:
    current = _etag(workspace.identity.settings.chosen_catalog)
    if etag and etag != current:
        raise _Changed("The setting was changed meanwhile; try again with the etag of this answer.", current)


def _setting(name: str) -> DefaultNamespaceSetting:
    from databricks.sdk.service.settings import DefaultNamespaceSetting, StringMessage

    return DefaultNamespaceSetting(namespace=StringMessage(value=name), etag=_etag(name), setting_name="default")


def _etag(name: str | None) -> str:
    return base64.urlsafe_b64encode(f"default_namespace_ws:{name or ''}".encode()).decode()
