"""Files into a typed, validated project with source positions; no network, no clock."""

__all__: list[str] = []
