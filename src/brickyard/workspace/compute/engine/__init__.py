"""The process of one gateway: a Spark Connect endpoint, and the engine behind it."""

from __future__ import annotations

from brickyard.workspace.compute.engine.config import EngineConfig
from brickyard.workspace.compute.engine.process import serve

__all__ = ["EngineConfig", "serve"]
