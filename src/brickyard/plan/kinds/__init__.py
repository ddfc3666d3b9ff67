"""How each type of resource is read, created, changed and deleted through the vendor's API."""

from brickyard.plan.kinds.base import Kind
from brickyard.plan.kinds.table import kind_of

__all__ = ["Kind", "kind_of"]
