"""Delta tables that are made of the files of others: a log of their own, and links to the files."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from brickyard.workspace.compute.gateway.commits import add_commit

__all__ = ["Action", "add_fields", "assemble"]

Action = dict[str, Any]
IDENTITY, PHYSICAL = "delta.columnMapping.id", "delta.columnMapping.physicalName"
MODE, LAST = "delta.columnMapping.mode", "delta.columnMapping.maxColumnId"


def assemble(
    directory: Path, protocol: Action, metadata: Action, root: Path, files: Iterable[Action]
) -> dict[str, Action]:
    """Make a table.

    Args:
        directory: Where it is to be; it is made.
        protocol: What the table asks of readers and writers.
        metadata: Its columns and properties.
        root: Where the paths of the files begin.
        files: What the table says of each of its files, with the path below `root`.

    Returns:
        The files, by the name of their link.
    """
    (directory / "_delta_log").mkdir(parents=True)
    links = {f"{number}.parquet": file for number, file in enumerate(files)}
    for name, file in links.items():
        (directory / name).symlink_to(root / unquote(file["path"]))
    for vectors in root.glob("deletion_vector_*.bin"):
        (directory / vectors.name).symlink_to(vectors)
    adds = [{"add": {**file, "path": name, "dataChange": True}} for name, file in links.items()]
    add_commit(directory, 0, [{"protocol": protocol}, {"metaData": metadata}, *adds])
    return links


def add_fields(metadata: Action, fields: Iterable[Action], *, relaxed: bool = False) -> Action:
    """The metadata of a table with more columns.

    Args:
        metadata: That of the table.
        fields: The columns, as the schema's JSON has them.
        relaxed: Whether the columns that are there may be null.
    """
    schema = json.loads(metadata["schemaString"])
    configuration = dict(metadata["configuration"])
    if relaxed:
        schema["fields"] = [{**field, "nullable": True} for field in schema["fields"]]
    for field in fields:
        schema["fields"].append(_mapped(field, configuration) if configuration.get(MODE, "none") != "none" else field)
    return {**metadata, "schemaString": json.dumps(schema), "configuration": configuration}


def _mapped(field: Action, configuration: dict[str, str]) -> Action:
    """A column of a table whose columns have other names in the files; its own is the same in both."""
    number = int(configuration.get(LAST, "0")) + 1
    configuration[LAST] = str(number)
    kind = field["type"]
    if isinstance(kind, dict) and kind["type"] == "struct":
        inner = [_mapped({**one, "metadata": {}}, configuration) for one in kind["fields"]]
        kind = {**kind, "fields": inner}
    return {**field, "type": kind, "metadata": {IDENTITY: number, PHYSICAL: field["name"]}}
