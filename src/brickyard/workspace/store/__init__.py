"""The workspace's database: one module of tables per family."""

__all__: list[str] = []
