"""Data that a session keeps: `df.cache()`, `CACHE TABLE`; computed when first needed, and again after a change."""

from brickyard.workspace.compute.gateway.caching.cache import Cache, Level

__all__ = ["Cache", "Level"]
