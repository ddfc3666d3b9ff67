"""SCIM: who am I."""

from __future__ import annotations

from brickyard.workspace.api.base import Call, Family
from brickyard.workspace.workspace import Workspace

__all__ = ["family"]

family = Family()


@family.call("GET", "/api/2.0/preview/scim/v2/Me")
def me(workspace: Workspace, call: Call) -> object:
    """The principal behind the token."""
    from databricks.sdk.service.iam import ComplexValue, Name, User, UserSchema

    who = call.principal
    return User(
        id=str(who.id),
        user_name=who.user_name,
        display_name=who.display_name,
        active=True,
        name=Name(given_name=who.display_name),
        emails=[ComplexValue(value=who.user_name, type="work", primary=True)],
        groups=[ComplexValue(display="users", type="direct"), ComplexValue(display="admins", type="direct")],
        entitlements=[ComplexValue(value="workspace-access")],
        schemas=[UserSchema.URN_IETF_PARAMS_SCIM_SCHEMAS_CORE_2_0_USER],
    )
