"""New Delta tables without rows, and tables that are replaced by such: each in one commit."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from brickyard.workspace import statistics
from brickyard.workspace.compute.gateway import checks, feed, log, mapping
from brickyard.workspace.compute.gateway.commits import add_commit
from brickyard.workspace.compute.gateway.filling import features_of, without_rules
from brickyard.workspace.compute.gateway.properties import need_removable
from brickyard.workspace.compute.gateway.protocol import DEFAULTS, PREFIX, features_in, need_defaults
from brickyard.workspace.compute.gateway.snapshots import files_at, removal

__all__ = ["Definition", "create", "replace", "said"]


@dataclass(frozen=True)
class Definition:
    """What a table is to be.

    Args:
        fields: Its columns, as the schema's JSON has them.
        properties: Its properties.
        partitions: Names of the partition columns.
        comment: Its comment.
    """

    fields: Sequence[dict[str, Any]]
    properties: Mapping[str, str]
    partitions: Sequence[str] = ()
    comment: str | None = None


def create(place: Path, definition: Definition) -> None:
    """Write the log of a new table.

    Raises:
        SparkError: It has a default and not the table feature for defaults.
    """
    made = _draft(definition)
    need_defaults(made.protocol, "CREATE TABLE", needed=DEFAULTS in features_of(definition.fields))
    (place / "_delta_log").mkdir(parents=True, exist_ok=True)
    info = log.commit_info("CREATE TABLE", said(definition), None)
    add_commit(place, 0, [info, made.protocol.action(), made.action()])


def replace(place: Path, definition: Definition, before: Callable[[], object] = lambda: None) -> None:
    """Give a table other columns and no rows; its history stays.

    Args:
        place: The table.
        definition: What it is to be.
        before: Called when all is ready, before each try to commit.

    Raises:
        SparkError: It has a default and not the table feature for defaults.
    """
    made = _draft(definition)
    features = made.protocol.features
    while True:
        have = log.read(place)
        made.protocol = have.protocol
        for feature in sorted(features):
            made.require(feature)
        need_defaults(made.protocol, "CREATE OR REPLACE TABLE", needed=DEFAULTS in features_of(definition.fields))
        made.identity = have.identity
        changed = [made.protocol.action()] if made.protocol != have.protocol else []
        gone = [removal(add) for add in files_at(place, have.version)]
        if gone:
            need_removable(place)
        info = log.commit_info("CREATE OR REPLACE TABLE", said(definition), have.version)
        before()
        if add_commit(place, have.version + 1, [info, *changed, made.action(), *gone]):
            return


def said(definition: Definition) -> dict[str, Any]:
    """What the history says of a table that is made or replaced."""
    return {
        "partitionBy": json.dumps(list(definition.partitions)),
        "clusterBy": "[]",
        "description": definition.comment or "",
        "properties": json.dumps(dict(definition.properties)),
    }


def _draft(definition: Definition) -> log.Metadata:
    """The metadata, from a table that delta-rs makes of what it knows; then what it does not."""
    mode = definition.properties.get(log.MAPPING)
    with tempfile.TemporaryDirectory(prefix="table-") as directory:
        _make(Path(directory), definition)
        made = log.read(Path(directory))
    made.fields[:] = [dict(field) for field in definition.fields]
    checks.need_plain_values(definition.properties)
    made.configuration |= {key: value for key, value in definition.properties.items() if key.startswith(checks.CHECKS)}
    for feature in sorted(_features(definition)):
        made.require(feature)
    if mode is not None:
        mapping.enable(made, mode.lower())
    feed.prepare(made)
    mapping.need_no_feed(made)
    return made


def _features(definition: Definition) -> set[str]:
    """The features that it needs; that of defaults is not given unasked."""
    conditions = {"checkConstraints"} if any(key.startswith(checks.CHECKS) for key in definition.properties) else set()
    return (features_of(definition.fields) - {DEFAULTS}) | conditions | set(features_in(definition.properties))


def _make(place: Path, definition: Definition) -> None:
    from deltalake import DeltaTable, Schema

    fields = [without_rules(field) for field in definition.fields]
    left = (log.MAPPING, PREFIX, checks.CHECKS)
    configuration = {key: value for key, value in definition.properties.items() if not key.startswith(left)}
    statistics.stop(configuration, fields)
    DeltaTable.create(
        place,
        schema=Schema.from_json(json.dumps({"type": "struct", "fields": fields})),
        partition_by=list(definition.partitions) or None,
        description=definition.comment,
        configuration=configuration or None,
        raise_if_key_not_exists=False,
    )
