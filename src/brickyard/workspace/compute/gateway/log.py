"""Changes of a Delta table's metadata: one commit, made again if another writer was first.

Source: https://github.com/delta-io/delta/blob/master/PROTOCOL.md (metadata, protocol, column mapping).
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from brickyard.workspace.clock import now
from brickyard.workspace.compute.gateway.checks import CHECKS
from brickyard.workspace.compute.gateway.commits import actions_since, add_commit, latest, replace_first
from brickyard.workspace.compute.gateway.filling import features_of
from brickyard.workspace.compute.gateway.protocol import PREFIX, Protocol, features_in

__all__ = ["MAPPING", "Metadata", "begin", "change", "commit_info", "found", "is_bare", "read"]

MAPPING, FEED = "delta.columnMapping.mode", "delta.enableChangeDataFeed"


@dataclass
class Metadata:
    """A table's metadata as it is to be: change it in place.

    Args:
        version: The commit that it was read at.
        fields: The columns, as the schema's JSON has them.
        configuration: The table's properties.
        partitions: Names of the partition columns.
        protocol: What the table asks of readers and writers.
        description: The table's comment in its log.
    """

    version: int
    fields: list[dict[str, Any]]
    configuration: dict[str, str]
    partitions: list[str]
    protocol: Protocol
    description: str | None
    identity: tuple[str, str | None, int | None]

    @property
    def mapped(self) -> bool:
        """Whether the columns have names of their own in the files."""
        return self.configuration.get(MAPPING, "none") in {"name", "id"}

    @property
    def properties(self) -> dict[str, str]:
        """The table's properties, with what it asks of readers and writers."""
        named = {PREFIX + name: "supported" for name in self.protocol.writer_features}
        versions = {"delta.minReaderVersion": self.protocol.reader, "delta.minWriterVersion": self.protocol.writer}
        return self.configuration | named | {key: str(version) for key, version in versions.items()}

    def require(self, feature: str) -> None:
        """Have the protocol support a feature; where features get names, only those that are in use do."""
        made = self.protocol.supporting(feature)
        if self.protocol.writer_features or not made.writer_features:
            self.protocol = made
        else:
            self.protocol = replace(made, writer_features=made.writer_features & {*self._used(), feature})

    def _used(self) -> set[str]:
        """The features that the columns and properties need."""
        used = {"appendOnly", "invariants", *features_of(self.fields)}
        used |= {"columnMapping"} if self.mapped else set()
        used |= {"changeDataFeed"} if self.configuration.get(FEED, "").lower() == "true" else set()
        return used | ({"checkConstraints"} if any(key.startswith(CHECKS) for key in self.configuration) else set())

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
        Protocol(
            protocol.min_reader_version,
            protocol.min_writer_version,
            frozenset(protocol.reader_features or ()),
            frozenset(protocol.writer_features or ()),
        ),
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
            actions.insert(0, found.protocol.action())
        info = commit_info(operation, parameters, found.version)
        if not actions or add_commit(place, found.version + 1, [info, *actions]):
            return


def found(place: Path, edit: Callable[[Metadata], object]) -> None:
    """Make `edit` part of the only commit of a table that is being made, and that nobody else knows yet."""
    metadata = read(place)
    edit(metadata)
    ((_, actions),) = actions_since(place, -1)
    kept = [action for action in actions if not {"protocol", "metaData"} & action.keys()]
    replace_first(place, [*kept[:1], metadata.protocol.action(), metadata.action(), *kept[1:]])


def begin(place: Path, description: str | None, configuration: dict[str, str]) -> None:
    """Make a table without columns, which its first rows bring."""
    (place / "_delta_log").mkdir(parents=True, exist_ok=True)
    identity = (str(uuid.uuid4()), None, now())
    kept = {key: value for key, value in configuration.items() if not key.startswith(PREFIX)}
    metadata = Metadata(-1, [], kept, [], Protocol(), description, identity)
    for feature in features_in(configuration):
        metadata.require(feature)
    add_commit(place, 0, [commit_info("CREATE TABLE", {}, None), metadata.protocol.action(), metadata.action()])


def is_bare(place: Path) -> bool:
    """Whether a table has no columns yet: no library can read it."""
    if latest(place) != 0:
        return False
    actions = [action for _, actions in actions_since(place, -1) for action in actions]
    schemas = [json.loads(action["metaData"]["schemaString"]) for action in actions if "metaData" in action]
    return bool(schemas) and not schemas[0]["fields"]


def commit_info(operation: str, parameters: dict[str, Any], version: int | None) -> dict[str, Any]:
    """What the history says; parameters are JSON texts there."""
    said = {key: value if isinstance(value, str) else json.dumps(value) for key, value in parameters.items()}
    info = {"timestamp": now(), "operation": operation, "operationParameters": said}
    fixed = {"isolationLevel": "Serializable", "isBlindAppend": True, "operationMetrics": {}}
    return {"commitInfo": info | ({} if version is None else {"readVersion": version}) | fixed}
