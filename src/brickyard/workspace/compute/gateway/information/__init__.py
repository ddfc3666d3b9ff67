"""`information_schema`: what Unity Catalog knows, as relations; each caller sees what the catalog shows to it."""

from __future__ import annotations

from brickyard.workspace.compute.gateway.information.relations import SCHEMA, relation_of

__all__ = ["SCHEMA", "relation_of"]
