"""What policies ask of clusters that clusters do not say: runtime versions by name, and what a cluster costs."""

from __future__ import annotations

import functools
from typing import Any

from brickyard.workspace.api.errors import InvalidParameterValue
from brickyard.workspace.clusters.runtimes import node_types, spark_versions
from brickyard.workspace.policies.evaluation import Facts

__all__ = ["facts_of"]

# Databricks units of a core in an hour: what the vendor's price list has for machines of the D series.
_UNITS_PER_CORE = 0.75 / 4
_AUTO = "auto:"
_VARIANTS = {"": "", "-ml": "cpu-ml-", "-gpu": "gpu-ml-", "-ml-gpu": "gpu-ml-"}


def facts_of(source: str) -> Facts:
    """The facts of clusters that were made by somebody: `API`, `UI` or `JOB`."""
    return Facts("job" if source == "JOB" else "all-purpose", _dbus_per_hour, _version)


def _dbus_per_hour(cluster: dict[str, Any]) -> float | None:
    """What a cluster costs at its largest; nothing where its node types are not known."""
    cores = _cores()
    worker = cores.get(cluster.get("node_type_id", ""))
    driver = cores.get(cluster.get("driver_node_type_id") or cluster.get("node_type_id", ""))
    workers = (cluster.get("autoscale") or {}).get("max_workers", cluster.get("num_workers")) or 0
    if worker is None or driver is None:
        return None
    return float(driver + int(workers) * worker) * _UNITS_PER_CORE


@functools.cache
def _cores() -> dict[str, float]:
    return {one["node_type_id"]: one["num_cores"] for one in node_types()}


def _version(name: str) -> str:
    """The runtime that a name such as `auto:latest-lts-ml` stands for; all that are known here are long-term ones."""
    asked = name.removeprefix(_AUTO)
    for which, place in (("latest-lts", 0), ("latest", 0), ("prev-lts", 1), ("prev-major", 1)):
        variant = _VARIANTS.get(asked.removeprefix(which)) if asked.startswith(which) else None
        if variant is not None:
            plain = [one["key"].partition(".x-")[0] for one in spark_versions() if "-scala2.12" in one["key"]]
            return f"{list(dict.fromkeys(plain))[place]}.x-{variant}scala2.12"
    raise InvalidParameterValue(
        f"{name!r:.80} is the name of no runtime; there are auto:latest-lts, auto:prev-lts-ml ..."
    )
