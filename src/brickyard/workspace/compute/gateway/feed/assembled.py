"""Delta tables that are made of the files of others: a log of their own, and links to the files."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from brickyard.workspace.compute.gateway.commits import add_commit
from brickyard.workspace.compute.gateway.mapped_columns import MODE, numbered

__all__ = ["Action", "add_fields", "assemble"]

Action = dict[str, Any]


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


def add_fields(metadata: Action, fields: Iterable[Action], *, relaxed: bool = False, own: bool = True) -> Action:
    """The metadata of a table with more columns.

    Args:
        metadata: That of the table.
        fields: The columns, as the schema's JSON has them.
        relaxed: Whether the columns that are there may be null.
        own: Whether new columns have their own names in the files, where columns are mapped.
    """
    schema = json.loads(metadata["schemaString"])
    configuration = dict(metadata["configuration"])
    if relaxed:
        schema["fields"] = [{**field, "nullable": True} for field in schema["fields"]]
    mapped = configuration.get(MODE, "none") != "none"
    for field in fields:
        bare = {**field, "metadata": {}}
        schema["fields"].append(numbered(bare, configuration, own=own) if mapped else field)
    return {**metadata, "schemaString": json.dumps(schema), "configuration": configuration}
