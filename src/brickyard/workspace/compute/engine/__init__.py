"""The Spark engine of one task: Sail and the gateway in front of it, in one process."""

from __future__ import annotations

from brickyard.workspace.compute.engine.config import EngineConfig
from brickyard.workspace.compute.engine.process import serve, start

__all__ = ["EngineConfig", "serve", "start"]
