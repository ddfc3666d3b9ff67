"""What an engine needs to know."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["EngineConfig"]


@dataclass(frozen=True)
class EngineConfig:
    """The workspace that an engine works for.

    Args:
        host: URL of the workspace, whose `/api/2.1/unity-catalog` serves the catalogs.
        token: The task's token: for the catalog, and required from Spark clients.
        data: The workspace's data directory, with `tables`, `volumes` and `dbfs`.
        scratch: A private directory for checkpoints, spilled data and artifacts.
        search_path: What Python functions import from.
        default_catalog: Current catalog of a new session.
        default_schema: Current schema of a new session.
    """

    host: str
    token: str
    data: Path
    scratch: Path
    search_path: tuple[str, ...] = ()
    default_catalog: str = "main"
    default_schema: str = "default"
