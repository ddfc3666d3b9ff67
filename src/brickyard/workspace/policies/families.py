"""The families of policies, which the vendor maintains: each is a definition that policies inherit.

Source: https://learn.microsoft.com/azure/databricks/admin/clusters/policy-families
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["FAMILIES", "Family"]

_NODE = "Standard_DS3_v2"


@dataclass(frozen=True)
class Family:
    """A family, and the policy of it that every workspace has.

    Attributes:
        id: Its id.
        name: What people call it, and the workspace's policy of it.
        description: What it is for.
        definition: The rules that policies of it inherit.
    """

    id: str
    name: str
    description: str
    definition: Mapping[str, Any]


def _fixed(value: Any, *, hidden: bool = True) -> dict[str, Any]:
    return {"type": "fixed", "value": value, "hidden": hidden}


def _free(default: Any, *, optional: bool = False) -> dict[str, Any]:
    return {"type": "unlimited", "defaultValue": default} | ({"isOptional": True} if optional else {})


_NO_POOLS = {name: {"type": "forbidden", "hidden": True} for name in ("instance_pool_id", "driver_instance_pool_id")}
_WORKERS = {
    "autoscale.min_workers": _free(1, optional=True),
    "autoscale.max_workers": _free(4, optional=True),
}
_SINGLE_USER = {
    "type": "allowlist",
    "values": ["SINGLE_USER", "LEGACY_SINGLE_USER", "LEGACY_SINGLE_USER_STANDARD"],
    "defaultValue": "SINGLE_USER",
    "hidden": True,
}

FAMILIES: Mapping[str, Family] = {
    family.id: family
    for family in (
        Family(
            "personal-vm",
            "Personal Compute",
            "Use with small-to-medium data or libraries like pandas and scikit-learn. Spark runs in local mode.",
            {
                "cluster_type": _fixed("all-purpose"),
                "node_type_id": _free(_NODE),
                "spark_version": _free("auto:latest-lts-ml"),
                "runtime_engine": _fixed("STANDARD"),
                "num_workers": _fixed(0),
                "spark_conf.spark.databricks.cluster.profile": _fixed("singleNode"),
                "data_security_mode": _SINGLE_USER,
                "autotermination_minutes": _free(4320, optional=True),
                **_NO_POOLS,
            },
        ),
        Family(
            "shared-compute",
            "Shared Compute",
            "Use a shared resource for all-purpose work of several users.",
            {
                "cluster_type": _fixed("all-purpose"),
                "node_type_id": _free(_NODE),
                "spark_version": _free("auto:latest-lts"),
                "data_security_mode": _fixed("USER_ISOLATION"),
                "autotermination_minutes": _free(120, optional=True),
                **_WORKERS,
                **_NO_POOLS,
            },
        ),
        Family(
            "power-user",
            "Power User Compute",
            "Use a larger resource of several machines for the work of a single user.",
            {
                "cluster_type": _fixed("all-purpose"),
                "node_type_id": _free(_NODE),
                "spark_version": _free("auto:latest-lts-ml"),
                "data_security_mode": _SINGLE_USER,
                "autotermination_minutes": _free(120, optional=True),
                **_WORKERS,
                **_NO_POOLS,
            },
        ),
        Family(
            "job-cluster",
            "Job Compute",
            "Use general-purpose compute for jobs that no person waits for.",
            {
                "cluster_type": _fixed("job"),
                "node_type_id": _free(_NODE),
                "spark_version": _free("auto:latest-lts"),
                "num_workers": _free(4, optional=True),
                "data_security_mode": {**_SINGLE_USER, "isOptional": True},
                "spark_conf.spark.databricks.cluster.profile": {"type": "forbidden", "hidden": True},
                **_NO_POOLS,
            },
        ),
    )
}
