"""Unity Catalog: catalogs, schemas, tables and volumes of this workspace."""

__all__: list[str] = []
