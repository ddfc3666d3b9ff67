"""What an engine needs to know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from brickyard.workspace.compute.engines.choice import EngineChoice

__all__ = ["EngineConfig"]


@dataclass(frozen=True)
class EngineConfig:
    """The workspace that an engine works for.

    Args:
        host: URL of the workspace, whose `/api/2.1/unity-catalog` serves the catalogs.
        token: The task's token: for the catalog, and required from Spark clients; empty where the engine is for
            everybody whom the workspace knows.
        data: The workspace's data directory, with `tables`, `volumes` and `dbfs`.
        scratch: A private directory for what engines keep, spilled data and artifacts.
        search_path: What Python functions import from.
        choice: Which engine.
        user_environ: Where the user's own Spark and Java are named, and the user's cache.
        socket: The Unix socket to listen at; a free port of 127.0.0.1 without one.
        session_idle_seconds: A session that nobody uses for so long ends; 0 is never.
        engine_idle_seconds: After so long without a session the engine ends; 0 is never.
        cluster_id: The cluster whose engine this is; whoever connects must be allowed to attach to it.
        spark_conf: Properties with which every session begins.
        default_catalog: Current catalog of a new session.
        default_schema: Current schema of a new session.
    """

    host: str
    token: str
    data: Path
    scratch: Path
    search_path: tuple[str, ...] = ()
    choice: EngineChoice = field(default_factory=EngineChoice)
    user_environ: Mapping[str, str] = field(default_factory=dict)
    socket: str = ""
    session_idle_seconds: float = 0
    engine_idle_seconds: float = 0
    cluster_id: str = ""
    spark_conf: Mapping[str, str] = field(default_factory=dict, repr=False)
    default_catalog: str = "main"
    default_schema: str = "default"
