"""Sample data as Azure Databricks has it, put into a local workspace on request."""

from __future__ import annotations

from brickyard.workspace.samples.install import CATALOG, SampleSet, install, installed, remove

__all__ = ["CATALOG", "SampleSet", "install", "installed", "remove"]
