"""What pages and exported notebooks show in one way: values, states, and cells with their outputs, as HTML."""

__all__: list[str] = []
