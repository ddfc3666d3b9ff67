"""What a table that is being made is to be."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from brickyard.workspace.compute.gateway.names import TableName

__all__ = ["NewTable"]


@dataclass(frozen=True)
class NewTable:
    """What a new table is to be, apart from its rows.

    Attributes:
        format: The format of its files, in lower case.
        options: Options of the files' reader and writer, of other formats than Delta.
    """

    name: TableName
    location: Path | None = None
    comment: str | None = None
    properties: dict[str, str] = field(default_factory=dict)
    partitions: tuple[str, ...] = ()
    policies: dict[str, Any] = field(default_factory=dict)
    format: str = "delta"
    options: dict[str, str] = field(default_factory=dict)
