"""Unity Catalog: catalogs, schemas, tables, volumes, the metastore, what is granted on them, and where data is."""

from __future__ import annotations

from brickyard.workspace.api.base import Family
from brickyard.workspace.api.unity import (
    bindings,
    catalogs,
    constraints,
    dropped_tables,
    entity_tags,
    external_locations,
    functions,
    grants,
    locations,
    metastores,
    quotas,
    schemas,
    storage_credentials,
    tables,
    view_reads,
    volumes,
)

__all__ = ["family"]

family = Family()
places = (storage_credentials, external_locations, bindings, entity_tags, quotas, dropped_tables)
parts = (metastores, catalogs, schemas, tables, view_reads, constraints, functions, volumes, locations, grants)
for part in (*parts, *places):
    part.declare(family)
