"""Who may define clusters that no policy limits (https://docs.databricks.com/admin/clusters/policies)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from brickyard.workspace.api.errors import PermissionDenied

if TYPE_CHECKING:
    from brickyard.workspace.identity.principals import Principal

__all__ = ["require_entitled"]


def require_entitled(by: Principal, definition: Mapping[str, Any]) -> None:
    """Refuse a cluster without a policy to those who are not entitled; whether they may use the policy comes later.

    Raises:
        PermissionDenied: It has no policy, and the principal may not create unrestricted clusters.
    """
    if definition.get("policy_id") or by.is_admin or "allow-cluster-create" in by.entitlements:
        return
    raise PermissionDenied(
        f"{by.user_name} is not authorized to create clusters without a policy. Please name a policy (policy_id) that"
        " you may use, or contact an administrator for the entitlement allow-cluster-create (unrestricted cluster"
        " creation)."
    )
