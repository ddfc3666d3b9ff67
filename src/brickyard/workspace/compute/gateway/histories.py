"""The history of a table as Delta on Databricks tells it, from what different writers note in a table's log.

What a writer does not note, or notes as something else, is left out: nothing is made up.

Source: https://docs.databricks.com/aws/en/delta/history (operations and their metrics), and what Delta 4.4 says, tried.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

__all__ = ["isolation", "metrics_of", "operation_of", "parameters_of"]

Entry = Mapping[str, Any]
FILES = {"numAddedFiles", "numRemovedFiles", "numAddedBytes", "numRemovedBytes"}
CHANGED = FILES | {"numCopiedRows", "numAddedChangeFiles", "executionTimeMs", "scanTimeMs", "rewriteTimeMs"}
VECTORS = {"numDeletionVectorsAdded", "numDeletionVectorsRemoved", "numDeletionVectorsUpdated"}
WRITTEN = {"numFiles", "numOutputRows", "numOutputBytes", "numRemovedFiles", "numRemovedBytes", "numCopiedRows"}
SIZES = {"minFileSize", "p25FileSize", "p50FileSize", "p75FileSize", "maxFileSize"}
#: The metrics of an operation; those of others are given as they are noted.
METRICS: dict[str, set[str]] = {
    "WRITE": WRITTEN | {"numDeletedRows", "numAddedChangeFiles"},
    "CREATE TABLE": set(),
    "CREATE TABLE AS SELECT": WRITTEN,
    "CREATE OR REPLACE TABLE AS SELECT": WRITTEN,
    "DELETE": CHANGED | VECTORS | {"numDeletedRows"},
    "UPDATE": CHANGED | VECTORS | {"numUpdatedRows"},
    "MERGE": {
        *(f"numTargetRows{what}" for what in ("Copied", "Deleted", "Inserted", "Updated")),
        *(
            f"numTargetRows{when}{what}"
            for when in ("Matched", "NotMatchedBySource")
            for what in ("Updated", "Deleted")
        ),
        *(f"numTargetFiles{what}" for what in ("Added", "Removed")),
        *(f"numTargetBytes{what}" for what in ("Added", "Removed")),
        *(f"numTargetDeletionVectors{what}" for what in ("Added", "Removed", "Updated")),
        *("numTargetChangeFilesAdded", "numSourceRows", "numOutputRows"),
        *("executionTimeMs", "scanTimeMs", "rewriteTimeMs"),
    },
    "TRUNCATE": {"numRemovedFiles", "executionTimeMs"},
    "OPTIMIZE": FILES | SIZES | {"numDeletionVectorsRemoved"},
}
#: What delta-rs calls by other names.
RENAMED = {
    "num_added_files": "numAddedFiles",
    "num_removed_files": "numRemovedFiles",
    "num_deleted_rows": "numDeletedRows",
    "num_copied_rows": "numCopiedRows",
    "execution_time_ms": "executionTimeMs",
    "scan_time_ms": "scanTimeMs",
    "rewrite_time_ms": "rewriteTimeMs",
    "numRestoredFile": "numRestoredFiles",
    "numRemovedFile": "numRemovedFiles",
}
#: Parameters that writers note for themselves.
OWN = frozenset({"metadata", "protocol", "location", "writeMode", "targetSize", "preserveInsertionOrder"})
SNAPSHOT = "SnapshotIsolation"
#: What Delta notes of changes without a predicate, of which Sail notes nothing.
ALL, SAIL = {"UPDATE": "[]", "DELETE": '["true"]'}, "sail-"


def operation_of(entry: Entry) -> str | None:
    """The name of an operation: a table that is created with rows has another than one without."""
    name, metrics = entry.get("operation"), entry.get("operationMetrics") or {}
    return "CREATE TABLE AS SELECT" if name == "CREATE TABLE" and "numOutputRows" in metrics else name


def metrics_of(entry: Entry) -> dict[str, Any] | None:
    """The metrics of a commit."""
    noted = entry.get("operationMetrics")
    if noted is None:
        return None
    named = {RENAMED.get(name, name): value for name, value in noted.items()}
    if entry.get("operation") == "OPTIMIZE":
        named |= _sizes(named)
    known = METRICS.get(str(operation_of(entry)))
    return {name: value for name, value in named.items() if known is None or name in known}


def _sizes(noted: Mapping[str, Any]) -> dict[str, Any]:
    """What delta-rs notes of the files of OPTIMIZE as a text of JSON."""
    added, removed = _object(noted.get("filesAdded")), _object(noted.get("filesRemoved"))
    found = {
        "numAddedFiles": noted.get("numFilesAdded"),
        "numRemovedFiles": noted.get("numFilesRemoved"),
        "numAddedBytes": added.get("totalSize"),
        "numRemovedBytes": removed.get("totalSize"),
        "minFileSize": added.get("min"),
        "maxFileSize": added.get("max"),
    }
    return {name: value for name, value in found.items() if value is not None}


def _object(value: Any) -> dict[str, Any]:
    found = json.loads(value) if isinstance(value, str) else value
    return dict(found) if isinstance(found, dict) else {}


def parameters_of(entry: Entry) -> dict[str, Any] | None:
    """The parameters of a commit; Sail's predicates are under the names that Delta has."""
    noted = entry.get("operationParameters")
    if noted is None:
        return None
    kept = {name: value for name, value in noted.items() if name not in OWN}
    if entry.get("operation") == "MERGE" and "mergePredicate" in kept:
        kept = {"predicate": json.dumps([_plain(kept.pop("mergePredicate"))]), **kept}
    elif entry.get("operation") in ALL and ("predicate" in kept or str(entry.get("engineInfo")).startswith(SAIL)):
        kept["predicate"] = _list(kept.get("predicate", ALL[entry["operation"]]))
    elif entry.get("operation") == "CREATE TABLE":
        kept.pop("mode", None)
    return kept


def _plain(text: Any) -> str:
    """A predicate whose words Sail has put apart."""
    return str(text).strip().replace(" . ", ".")


def _list(text: Any) -> str:
    """A predicate as a list of JSON; what is one already stays."""
    found = str(text)
    return found if found.startswith("[") else json.dumps([_plain(found)])


def isolation(entry: Entry) -> str | None:
    """The isolation level: OPTIMIZE changes no rows and meets no conflict, and others are as the writer notes them."""
    if entry.get("operation") == "OPTIMIZE":
        return SNAPSHOT
    noted = entry.get("isolationLevel")
    return None if noted is None else str(noted)
