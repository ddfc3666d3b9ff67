"""Workspace tree, DBFS, volumes, model and run artifacts: one implementation, several roots."""

__all__: list[str] = []
