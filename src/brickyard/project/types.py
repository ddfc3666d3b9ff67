"""The types of resources a project may declare, each checked against the vendor's own types."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, cast

from brickyard import sdk

__all__ = ["TYPES", "UNSUPPORTED_TYPES", "ResourceType"]

sdk.install()


@dataclass(frozen=True, slots=True)
class ResourceType:
    """A type of resource.

    Args:
        module: The module of the types, under `databricks.sdk.service` unless it is our own.
        name: The dataclass, or the call whose parameters the fields are.
        needs: Fields the workspace needs although the vendor's types leave them open.
    """

    module: str
    name: str
    needs: tuple[str, ...] = ()

    def source(self) -> type | Callable[..., Any]:
        """The class or call; its module is imported when it is first needed."""
        module = importlib.import_module(self.module if "." in self.module else f"databricks.sdk.service.{self.module}")
        return cast("type | Callable[..., Any]", attrgetter(self.name)(module))


TYPES = {
    "catalogs": ResourceType("catalog", "CatalogsAPI.create"),
    "schemas": ResourceType("catalog", "SchemasAPI.create"),
    "volumes": ResourceType("catalog", "VolumesAPI.create"),
    "registered_models": ResourceType("catalog", "RegisteredModelsAPI.create", ("name", "catalog_name", "schema_name")),
    "experiments": ResourceType("ml", "ExperimentsAPI.create_experiment"),
    "secret_scopes": ResourceType("brickyard.project.secret_scope", "SecretScope"),
    "jobs": ResourceType("jobs", "JobSettings"),
    "model_serving_endpoints": ResourceType("serving", "ServingEndpointsAPI.create"),
}

# Types of the bundle format that this tool does not deploy.
UNSUPPORTED_TYPES = frozenset(
    [
        "alerts",
        "apps",
        "clusters",
        "dashboards",
        "database_catalogs",
        "database_instances",
        "external_locations",
        "genie_spaces",
        "instance_pools",
        "job_runs",
        "models",
        "pipelines",
        "postgres_branches",
        "postgres_catalogs",
        "postgres_databases",
        "postgres_endpoints",
        "postgres_projects",
        "postgres_roles",
        "postgres_synced_tables",
        "quality_monitors",
        "secrets",
        "sql_warehouses",
        "synced_database_tables",
        "vector_search_endpoints",
        "vector_search_indexes",
    ]
)
