"""Who may come in: principals and tokens."""

__all__: list[str] = []
