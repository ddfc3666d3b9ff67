"""MLflow tracking and the model registry in Unity Catalog, behind the vendor's surfaces."""

from brickyard.workspace.registry.records import ModelVersion, Page, RegisteredModel, Status
from brickyard.workspace.registry.service import Registry, build

__all__ = ["ModelVersion", "Page", "RegisteredModel", "Registry", "Status", "build"]
