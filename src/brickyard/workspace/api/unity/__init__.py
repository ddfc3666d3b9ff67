"""The calls of Unity Catalog, one module per kind of object."""

__all__: list[str] = []
