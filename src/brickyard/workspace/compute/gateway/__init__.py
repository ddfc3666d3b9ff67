"""The gateway in front of Sail: names, paths, Delta maintenance and honest errors for Spark Connect clients."""

from __future__ import annotations

from brickyard.workspace.compute.gateway.service import Gateway

__all__ = ["Gateway"]
