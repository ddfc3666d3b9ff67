"""On the path of Python processes that a task starts: what makes them understand the paths of the workspace, too."""

__all__: list[str] = []
