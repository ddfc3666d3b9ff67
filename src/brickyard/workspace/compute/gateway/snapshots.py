"""A version of a Delta table as its log has it: protocol, metadata and files."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from brickyard.workspace.clock import now

__all__ = ["Snapshot", "files_at", "heading", "link", "removal", "snapshot"]

Action = dict[str, Any]


@dataclass(frozen=True)
class Snapshot:
    """What a checkpoint of the version would have.

    Args:
        protocol: What the table asks of readers and writers.
        metadata: Its columns and properties.
        files: Its files.
        transactions: Which transactions of users it has, as COPY INTO notes the files that it has loaded.
    """

    protocol: Action
    metadata: Action
    files: list[Action]
    transactions: list[Action] = field(default_factory=list)


def snapshot(place: Path, version: int) -> Snapshot:
    """The table at a version; found by delta-rs, in a copy of the log."""
    import pyarrow.parquet as pq
    from deltalake import DeltaTable

    with tempfile.TemporaryDirectory(prefix="snapshot-") as name:
        log = Path(name) / "_delta_log"
        shutil.copytree(place / "_delta_log", log)
        for file in log.iterdir():
            if file.name == "_last_checkpoint" or _number(file) > version:
                file.unlink()
        DeltaTable(name).create_checkpoint()
        rows = pq.read_table(log / f"{version:020d}.checkpoint.parquet").to_pylist(maps_as_pydicts="strict")
    protocol, metadata = (next(_plain(row[kind]) for row in rows if row.get(kind)) for kind in ("protocol", "metaData"))
    files, transactions = ([_plain(row[kind]) for row in rows if row.get(kind)] for kind in ("add", "txn"))
    return Snapshot(protocol, metadata, files, transactions)


def files_at(place: Path, version: int) -> list[Action]:
    """The files of a version."""
    return snapshot(place, version).files


def removal(add: Action) -> Action:
    """The action that removes a file."""
    kept = {key: add[key] for key in ("path", "partitionValues", "size", "deletionVector") if add.get(key) is not None}
    return {"remove": {**kept, "deletionTimestamp": now(), "dataChange": True, "extendedFileMetadata": True}}


def link(source: Path, copy: Path) -> None:
    """Link a data file, or copy it from another disk; files of Delta tables never change."""
    copy.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        try:
            os.link(source, copy)
        except FileExistsError:
            raise
        except OSError:
            shutil.copy2(source, copy)


def heading(place: Path) -> tuple[int, Snapshot]:
    """The table's last version, and what it is without its files."""
    from deltalake import DeltaTable

    table = DeltaTable(place)
    found, asked = table.metadata(), table.protocol()
    protocol: Action = {"minReaderVersion": asked.min_reader_version, "minWriterVersion": asked.min_writer_version}
    features = {"readerFeatures": asked.reader_features, "writerFeatures": asked.writer_features}
    protocol |= {key: list(value) for key, value in features.items() if value is not None}
    metadata = {
        "id": str(found.id),
        "name": found.name,
        "description": found.description,
        "format": {"provider": "parquet", "options": {}},
        "schemaString": table.schema().to_json(),
        "partitionColumns": list(found.partition_columns),
        "configuration": dict(found.configuration),
        "createdTime": found.created_time,
    }
    return table.version(), Snapshot(protocol, {key: value for key, value in metadata.items() if value is not None}, [])


def _number(file: Path) -> int:
    """The version that a file of the log belongs to."""
    number = file.name.partition(".")[0]
    return int(number) if number.isdigit() else -1


def _plain(action: Action) -> Action:
    """An action without what it does not say; parsed copies of its texts are not in the log's JSON."""
    return {key: value for key, value in action.items() if value is not None and not key.endswith("_parsed")}
