"""The pages of a workspace for people with a browser: what is there and how it went, to read only."""

from brickyard.workspace.ui.application import Pages

__all__ = ["Pages"]
