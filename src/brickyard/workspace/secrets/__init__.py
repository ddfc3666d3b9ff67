"""Secret scopes and their values, encrypted at rest."""

__all__: list[str] = []
