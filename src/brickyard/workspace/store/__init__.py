"""The workspace's database: one module of tables per family, SQLite by default, PostgreSQL for a team."""

from brickyard.workspace.store.base import Owner, Reader, Store, metadata
from brickyard.workspace.store.failures import Failure, failure

__all__ = ["Failure", "Owner", "Reader", "Store", "failure", "metadata"]
