"""From a project to a plan (data), to stages, to apply or explain; state, lock, drift, history."""

__all__: list[str] = []
