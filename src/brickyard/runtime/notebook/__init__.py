"""Notebooks: their two formats, their cells, and executing them."""

from brickyard.runtime.notebook.source import Cell, Notebook, parse

__all__ = ["Cell", "Notebook", "parse"]
