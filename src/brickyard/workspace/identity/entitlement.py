"""What principals may create by an entitlement; administrators may create everything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from brickyard.workspace.api.errors import PermissionDenied

if TYPE_CHECKING:
    from brickyard.workspace.identity.principals import Principal

__all__ = ["require_entitled", "require_entitlement"]

_CLUSTERS = "allow-cluster-create"
_NAMES = {_CLUSTERS: f"{_CLUSTERS} (unrestricted cluster creation)"}


def require_entitlement(by: Principal, entitlement: str, what: str, instead: str = "") -> None:
    """Refuse the creation of something to those who are not entitled.

    Args:
        by: Who creates it.
        entitlement: What it takes.
        what: What is created, for the message.
        instead: What they can do but ask for the entitlement, for the message.

    Raises:
        PermissionDenied: The principal is not entitled.
    """
    if not by.is_admin and entitlement not in by.entitlements:
        raise PermissionDenied(
            f"{by.user_name} is not authorized to create {what}. Please {instead}contact an administrator for the"
            f" entitlement {_NAMES.get(entitlement, entitlement)}."
        )


def require_entitled(by: Principal, definition: Mapping[str, Any]) -> None:
    """Refuse a cluster without a policy to those who are not entitled; whether they may use the policy comes later.

    Source: https://docs.databricks.com/admin/clusters/policies

    Raises:
        PermissionDenied: It has no policy, and the principal may not create unrestricted clusters.
    """
    if not definition.get("policy_id"):
        instead = "name a policy (policy_id) that you may use, or "
        require_entitlement(by, _CLUSTERS, "clusters without a policy", instead)
