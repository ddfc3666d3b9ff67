"""What Spark says of a file that it reads: its path, size and time.

Source: https://docs.databricks.com/aws/en/ingestion/file-metadata-column
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from brickyard.workspace.compute.gateway.places import Places

__all__ = ["facts_of", "shown"]


def shown(places: Places, file: Path) -> str:
    """The path of a file as users know it."""
    volumes = places.mapper.data / "volumes"
    if file.is_relative_to(volumes):
        return f"dbfs:/Volumes/{file.relative_to(volumes).as_posix()}"
    found = places.shown(file)
    return found if found.startswith("dbfs:") else f"file:{file.as_posix()}"


def facts_of(places: Places, file: Path) -> dict[str, Any]:
    """The `_metadata` of a file."""
    state = file.stat()
    return {
        "file_path": shown(places, file),
        "file_name": file.name,
        "file_size": state.st_size,
        "file_block_start": 0,
        "file_block_length": state.st_size,
        "file_modification_time": state.st_mtime_ns // 10**6 * 1000,
    }
