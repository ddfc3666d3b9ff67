"""The workspace's database: one module of tables per family."""

from brickyard.workspace.store.base import Store, metadata

__all__ = ["Store", "metadata"]
