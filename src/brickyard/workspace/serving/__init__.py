"""Serving endpoints: scoring processes, routing, following an alias."""

__all__: list[str] = []
