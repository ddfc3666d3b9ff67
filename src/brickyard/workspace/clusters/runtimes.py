"""The runtimes and the node types that a cluster may name, so that definitions for the service can be used here.

What runs is one engine on this machine, whichever is named: it behaves as the newest runtime below, and workers are a
number. Sources: https://learn.microsoft.com/azure/databricks/release-notes/runtime/ (supported long-term releases) and
https://learn.microsoft.com/azure/virtual-machines/sizes/overview (cores, memory and local disks).
"""

from __future__ import annotations

from collections.abc import Iterator

from brickyard.workspace.clusters.records import Json

__all__ = ["node_types", "spark_versions"]

#: Runtime, Apache Spark, and the versions of Scala; the newest is the one whose behaviour tasks see.
_RUNTIMES = (
    ("16.4", "3.5.2", ("2.12", "2.13")),
    ("15.4", "3.5.0", ("2.12",)),
    ("14.3", "3.5.0", ("2.12",)),
    ("13.3", "3.4.1", ("2.12",)),
    ("12.2", "3.3.2", ("2.12",)),
)
#: What comes in variants: the part of the key, what is added to the name, and to "includes".
_VARIANTS = (("", "", ""), ("photon-", " Photon", ""), ("cpu-ml-", " ML", ""), ("gpu-ml-", " ML", "GPU, "))
#: Series: category, GiB for each core, GB of local disk for each core, GPUs for each core, and the numbers of cores.
_SERIES: dict[str, tuple[str, float, float, float, tuple[int, ...]]] = {
    "Standard_D{}ds_v5": ("General Purpose", 4, 37.5, 0, (4, 8, 16, 32, 48, 64, 96)),
    "Standard_D{}s_v5": ("General Purpose", 4, 0, 0, (4, 8, 16, 32, 48, 64, 96)),
    "Standard_D{}ds_v4": ("General Purpose", 4, 37.5, 0, (4, 8, 16, 32, 48, 64)),
    "Standard_D{}s_v3": ("General Purpose", 4, 8, 0, (4, 8, 16, 32, 64)),
    "Standard_E{}ds_v5": ("Memory Optimized", 8, 37.5, 0, (4, 8, 16, 20, 32, 48, 64, 96)),
    "Standard_E{}ds_v4": ("Memory Optimized", 8, 37.5, 0, (4, 8, 16, 20, 32, 48, 64)),
    "Standard_E{}s_v3": ("Memory Optimized", 8, 16, 0, (4, 8, 16, 32, 64)),
    "Standard_L{}s_v3": ("Storage Optimized", 8, 240, 0, (8, 16, 32, 48, 64, 80)),
    "Standard_F{}s_v2": ("Compute Optimized", 2, 8, 0, (4, 8, 16, 32, 48, 64, 72)),
    "Standard_NC{}as_T4_v3": ("GPU Accelerated", 7, 45, 0.0625, (4, 8, 16, 64)),
}
#: Those whose names do not tell: cores, GiB, GB of local disk.
_NAMED = {
    "Standard_DS3_v2": (4, 14, 28),
    "Standard_DS4_v2": (8, 28, 56),
    "Standard_DS5_v2": (16, 56, 112),
    "Standard_D3_v2": (4, 14, 200),
    "Standard_D4_v2": (8, 28, 400),
    "Standard_D5_v2": (16, 56, 800),
    "Standard_DS12_v2": (4, 28, 56),
    "Standard_DS13_v2": (8, 56, 112),
    "Standard_DS14_v2": (16, 112, 224),
}


def spark_versions() -> Iterator[Json]:
    """The vendor's `SparkVersion` of each runtime, the newest first."""
    for version, spark, scalas in _RUNTIMES:
        for scala in scalas:
            for part, added, includes in _VARIANTS:
                if part.endswith("ml-") and scala == "2.13":
                    continue
                name = f"{version} LTS{added} (includes Apache Spark {spark}, {includes}Scala {scala})"
                yield {"key": f"{version}.x-{part}scala{scala}", "name": name}


def node_types() -> Iterator[Json]:
    """The vendor's `NodeType` of each."""
    for name, (cores, memory, disk) in _NAMED.items():
        category = "General Purpose" if memory / cores < 7 else "Memory Optimized"
        yield _node_type(name, category, cores, memory, disk, 0)
    for pattern, (category, memory_of_core, disk_of_core, gpus_of_core, sizes) in _SERIES.items():
        for cores in sizes:
            gpus = -int(-cores * gpus_of_core // 1)
            disk = int(cores * disk_of_core)
            yield _node_type(pattern.format(cores), category, cores, int(cores * memory_of_core), disk, gpus)


def _node_type(name: str, category: str, cores: int, memory: int, disk: int, gpus: int) -> Json:
    return {
        "node_type_id": name,
        "memory_mb": memory * 1024,
        "num_cores": float(cores),
        "num_gpus": gpus,
        "description": name,
        "instance_type_id": name,
        "category": category,
        "display_order": 0,
        "is_deprecated": False,
        "is_encrypted_in_transit": False,
        "is_graviton": False,
        "is_hidden": False,
        "is_io_cache_enabled": disk > 0,
        "photon_driver_capable": gpus == 0 and "v2" not in name,
        "photon_worker_capable": gpus == 0 and "v2" not in name,
        "support_cluster_tags": True,
        "support_ebs_volumes": True,
        "support_port_forwarding": True,
        "node_info": {"status": [], "available_core_quota": 0, "total_core_quota": 0},
        "node_instance_type": {
            "instance_type_id": name,
            "local_disks": int(disk > 0),
            "local_disk_size_gb": disk,
            "local_nvme_disks": 0,
        },
    }
