"""One module per API family of the vendor."""

__all__: list[str] = []
