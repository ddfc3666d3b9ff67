"""Unity Catalog objects and where their data is."""

from brickyard.workspace.catalog.records import CatalogRecord, FunctionRecord, TableRecord, VolumeRecord
from brickyard.workspace.catalog.service import Catalog, build

__all__ = ["Catalog", "CatalogRecord", "FunctionRecord", "TableRecord", "VolumeRecord", "build"]
