"""What OPTIMIZE and RESTORE answer: the columns that Delta 4.4 has, filled from what delta-rs reports and the log."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa

from brickyard.workspace.statistics import INDEXED

__all__ = ["OPTIMIZED", "RESTORED", "Files", "files_of", "optimized", "restored", "together"]

LONG = pa.int64()
#: Path to size of the files of one version.
Files = dict[str, int]
#: What OPTIMIZE reports of no partition.
NOTHING = {
    **dict.fromkeys(("numFilesAdded", "numFilesRemoved", "partitionsOptimized", "numBatches"), 0),
    **dict.fromkeys(("totalConsideredFiles", "totalFilesSkipped"), 0),
    "preserveInsertionOrder": True,
}


def _longs(*names: str) -> Any:
    return pa.struct([(name, LONG) for name in names])


SIZES = pa.struct([("min", LONG), ("max", LONG), ("avg", pa.float64()), ("totalFiles", LONG), ("totalSize", LONG)])
NUMBERED, COUNTED = _longs("num", "size"), _longs("numFiles", "size")
ORDERED = pa.struct(
    [
        ("strategyName", pa.string()),
        ("inputCubeFiles", NUMBERED),
        ("inputOtherFiles", NUMBERED),
        ("inputNumCubes", LONG),
        ("mergedFiles", NUMBERED),
        ("numOutputCubes", LONG),
        ("mergedNumCubes", LONG),
    ]
)
CLUSTERED = pa.struct(
    [
        ("inputZCubeFiles", COUNTED),
        ("inputOtherFiles", COUNTED),
        ("inputNumZCubes", LONG),
        ("mergedFiles", COUNTED),
        ("numOutputZCubes", LONG),
    ]
)
PARALLEL = _longs(
    "maxClusterActiveParallelism",
    "minClusterActiveParallelism",
    "maxSessionActiveParallelism",
    "minSessionActiveParallelism",
)
OPTIMIZED = pa.struct(
    [
        ("numFilesAdded", LONG),
        ("numFilesRemoved", LONG),
        ("filesAdded", SIZES),
        ("filesRemoved", SIZES),
        ("partitionsOptimized", LONG),
        ("zOrderStats", ORDERED),
        ("clusteringStats", CLUSTERED),
        ("numBins", LONG),
        ("numBatches", LONG),
        ("totalConsideredFiles", LONG),
        ("totalFilesSkipped", LONG),
        ("preserveInsertionOrder", pa.bool_()),
        ("numFilesSkippedToReduceWriteAmplification", LONG),
        ("numBytesSkippedToReduceWriteAmplification", LONG),
        ("startTimeMs", LONG),
        ("endTimeMs", LONG),
        ("totalClusterParallelism", LONG),
        ("totalScheduledTasks", LONG),
        ("autoCompactParallelismStats", PARALLEL),
        ("deletionVectorStats", _longs("numDeletionVectorsRemoved", "numDeletionVectorRowsRemoved")),
        ("numTableColumns", LONG),
        ("numTableColumnsWithStats", LONG),
    ]
)
RESTORED = dict.fromkeys(
    (
        "table_size_after_restore",
        "num_of_files_after_restore",
        "num_removed_files",
        "num_restored_files",
        "removed_files_size",
        "restored_files_size",
    ),
    LONG,
)


def files_of(table: Any) -> Files:
    """The files of the version that a `DeltaTable` is at."""
    actions = pa.table(table.get_add_actions(flatten=True))
    return dict(zip(actions["path"].to_pylist(), actions["size_bytes"].to_pylist(), strict=True))


def optimized(metrics: dict[str, Any], table: Any, times: tuple[int, int], *, ordered: bool) -> dict[str, Any]:
    """The metrics of OPTIMIZE.

    Args:
        metrics: What delta-rs reports.
        table: The `DeltaTable`.
        times: When it began and ended, in milliseconds.
        ordered: Whether it was with ZORDER BY.
    """
    added, removed = _sizes(metrics["filesAdded"]), _sizes(metrics["filesRemoved"])
    found = {name: metrics[name] for name in OPTIMIZED.names if name in metrics}
    columns = len(table.schema().fields)
    indexed = int(table.metadata().configuration.get(INDEXED, 32))
    nothing = ("numFilesSkippedToReduceWriteAmplification", "numBytesSkippedToReduceWriteAmplification")
    return {
        **dict.fromkeys((*nothing, "totalScheduledTasks"), 0),
        **found,
        "filesAdded": added,
        "filesRemoved": removed,
        "zOrderStats": _ordered(added, removed) if ordered else None,
        "numBins": added["totalFiles"],
        "startTimeMs": times[0],
        "endTimeMs": times[1],
        "totalClusterParallelism": 1,
        "numTableColumns": columns,
        "numTableColumnsWithStats": columns if indexed < 0 else min(columns, indexed),
    }


def together(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """What delta-rs reports of several runs, as of one."""
    if len(parts) == 1:
        return parts[0]
    numbers = {name for part in parts for name, value in part.items() if type(value) is int}
    added = {name: sum(part.get(name, 0) for part in parts) for name in numbers}
    return {
        **(parts[0] if parts else NOTHING),
        **added,
        **{name: _merged([_sizes(part[name]) for part in parts]) for name in ("filesAdded", "filesRemoved")},
    }


def _merged(sizes: list[dict[str, Any]]) -> dict[str, Any]:
    count, total = (sum(one[name] for one in sizes) for name in ("totalFiles", "totalSize"))
    least = [one["min"] for one in sizes if one["min"] is not None]
    most = [one["max"] for one in sizes if one["max"] is not None]
    return {
        "min": min(least, default=None),
        "max": max(most, default=None),
        "avg": total / count if count else 0.0,
        "totalFiles": count,
        "totalSize": total,
    }


def _sizes(found: Any) -> dict[str, Any]:
    sizes = json.loads(found) if isinstance(found, str) else dict(found)
    return sizes if sizes["totalFiles"] else {**sizes, "min": None, "max": None}


def _ordered(added: dict[str, Any], removed: dict[str, Any]) -> dict[str, Any]:
    read = {"num": removed["totalFiles"], "size": removed["totalSize"]}
    return {
        "strategyName": "all",
        "inputCubeFiles": {"num": 0, "size": 0},
        "inputOtherFiles": read,
        "inputNumCubes": 0,
        "mergedFiles": read,
        "numOutputCubes": 1 if added["totalFiles"] else 0,
    }


def restored(before: Files, after: Files) -> list[int]:
    """The row of RESTORE, from the files of the table before and after."""
    removed = [size for path, size in before.items() if path not in after]
    back = [size for path, size in after.items() if path not in before]
    return [sum(after.values()), len(after), len(removed), len(back), sum(removed), sum(back)]
