"""The Spark engines that can stand behind the gateway: one interface, and what implements it."""

from __future__ import annotations

from brickyard.workspace.compute.engines.base import Address, Capabilities, Engine, EngineServer, Work

__all__ = ["Address", "Capabilities", "Engine", "EngineServer", "Work"]
