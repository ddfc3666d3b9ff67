"""The command line: one module per command group; it parses, calls one function and renders."""

__all__: list[str] = []
