"""Batch scoring into Delta and the online scoring server, over one way to call a model."""

__all__: list[str] = []
