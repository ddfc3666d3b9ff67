"""Changes of a Delta table's metadata: one commit, made again if another writer was first.

Source: https://github.com/delta-io/delta/blob/master/PROTOCOL.md (metadata, protocol, column mapping).
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from brickyard.workspace.compute.gateway.commits import actions_since, add_commit, latest, replace_first

__all__ = [
    "CONSTRAINT_PROTOCOL",
    "MAPPING",
    "MAPPING_PROTOCOL",
    "Metadata",
    "begin",
    "change",
    "found",
    "is_bare",
    "read",
]

MAPPING = "delta.columnMapping.mode"
#: Reader and writer version that each kind of change needs.
MAPPING_PROTOCOL, CONSTRAINT_PROTOCOL = (2, 5), (1, 3)


@dataclass
class Metadata:
    """A table's metadata as it is to be: change it in place.

    Args:
        version: The commit that it was read at.
        fields: The columns, as the schema's JSON has them.
        configuration: The table's properties.
        partitions: Names of the partition columns.
        protocol: Reader and writer version.
        description: The table's comment in its log.
    """

    version: int
    fields: list[dict[str, Any]]
    configuration: dict[str, str]
    partitions: list[str]
    protocol: tuple[int, int]
    description: str | None
    identity: tuple[str, str | None, int | None]

    @property
    def mapped(self) -> bool:
        """Whether the columns have names of their own in the files."""
        return self.configuration.get(MAPPING, "none") in {"name", "id"}

    def require(self, needed: tuple[int, int]) -> None:
        """Raise the protocol's versions; tables with named features keep theirs."""
        if self.protocol[1] < 7:
            self.protocol = (max(self.protocol[0], needed[0]), max(self.protocol[1], needed[1]))

    def action(self) -> dict[str, Any]:
        """The metadata as an action of the log."""
        table_id, name, created = self.identity
        found: dict[str, Any] = {
            "id": table_id,
            "format": {"provider": "parquet", "options": {}},
            "schemaString": json.dumps({"type": "struct", "fields": self.fields}),
            "partitionColumns": list(self.partitions),
            "configuration": dict(self.configuration),
        }
        optional = {"name": name, "description": self.description, "createdTime": created}
        return {"metaData": found | {key: value for key, value in optional.items() if value is not None}}


def read(place: Path) -> Metadata:
    """The metadata of the table's last version."""
    from deltalake import DeltaTable

    table = DeltaTable(place)
    metadata, protocol = table.metadata(), table.protocol()
    return Metadata(
        table.version(),
        json.loads(table.schema().to_json())["fields"],
        dict(metadata.configuration),
        list(metadata.partition_columns),
        (protocol.min_reader_version, protocol.min_writer_version),
        metadata.description,
        (str(metadata.id), metadata.name, metadata.created_time),
    )


def change(place: Path, operation: str, parameters: dict[str, Any], edit: Callable[[Metadata], object]) -> None:
    """Commit what `edit` makes of the metadata; nothing if that is the same.

    Raises:
        SparkError: What `edit` raises; it is asked again after a commit of another writer.
    """
    while True:
        found = read(place)
        before, protocol = found.action(), found.protocol
        edit(found)
        actions = [found.action()] if found.action() != before else []
        if found.protocol != protocol:
            reader, writer = found.protocol
            actions.insert(0, {"protocol": {"minReaderVersion": reader, "minWriterVersion": writer}})
        if not actions or add_commit(place, found.version + 1, [_info(operation, parameters, found.version), *actions]):
            return


def found(place: Path, edit: Callable[[Metadata], object]) -> None:
    """Make `edit` part of the only commit of a table that is being made, and that nobody else knows yet."""
    metadata = read(place)
    edit(metadata)
    reader, writer = metadata.protocol
    protocol = {"protocol": {"minReaderVersion": reader, "minWriterVersion": writer}}
    ((_, actions),) = actions_since(place, -1)
    kept = [action for action in actions if not {"protocol", "metaData"} & action.keys()]
    named = any("Features" in key for action in actions for key in action.get("protocol", ()))
    own = [action for action in actions if "protocol" in action] if named else [protocol]
    replace_first(place, [*kept[:1], *own, metadata.action(), *kept[1:]])


def begin(place: Path, description: str | None, configuration: dict[str, str]) -> None:
    """Make a table without columns, which its first rows bring."""
    (place / "_delta_log").mkdir(parents=True, exist_ok=True)
    identity = (str(uuid.uuid4()), None, int(time.time() * 1000))
    metadata = Metadata(-1, [], configuration, [], (1, 2), description, identity)
    protocol = {"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}}
    add_commit(place, 0, [_info("CREATE TABLE", {}, -1), protocol, metadata.action()])


def is_bare(place: Path) -> bool:
    """Whether a table has no columns yet: no library can read it."""
    if latest(place) != 0:
        return False
    actions = [action for _, actions in actions_since(place, -1) for action in actions]
    schemas = [json.loads(action["metaData"]["schemaString"]) for action in actions if "metaData" in action]
    return bool(schemas) and not schemas[0]["fields"]


def _info(operation: str, parameters: dict[str, Any], version: int) -> dict[str, Any]:
    """What the history says; parameters are JSON texts there."""
    said = {key: value if isinstance(value, str) else json.dumps(value) for key, value in parameters.items()}
    info = {"timestamp": int(time.time() * 1000), "operation": operation, "operationParameters": said}
    fixed = {"readVersion": version, "isolationLevel": "Serializable", "isBlindAppend": True, "operationMetrics": {}}
    return {"commitInfo": info | fixed}
