"""The life of a model version: gate, register, promote, approve, roll back, history."""

__all__: list[str] = []
