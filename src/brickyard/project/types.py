"""The types of resources a project may declare, each checked against the vendor's own types.

The vendor's types are kept as data in `vendor_types.json`, which `python -m brickyard.project.vendor_types` derives
from `databricks-sdk`: importing them takes most of a second at every start of a command. A test compares the two.
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from importlib.resources import files

from brickyard.project.shape import Field, Shapes

__all__ = ["TYPES", "UNSUPPORTED_TYPES", "ResourceType", "vendor_shapes"]


@dataclass(frozen=True, slots=True)
class ResourceType:
    """A type of resource.

    Args:
        shape: The shape of its fields: a dataclass, or a call whose parameters they are.
        needs: Fields the workspace needs although the vendor's types leave them open.
    """

    shape: str
    needs: tuple[str, ...] = ()


TYPES = {
    "catalogs": ResourceType("catalog.CatalogsAPI.create"),
    "schemas": ResourceType("catalog.SchemasAPI.create"),
    "volumes": ResourceType("catalog.VolumesAPI.create"),
    "registered_models": ResourceType("catalog.RegisteredModelsAPI.create", ("name", "catalog_name", "schema_name")),
    "experiments": ResourceType("ml.ExperimentsAPI.create_experiment"),
    "secret_scopes": ResourceType("secret_scope.SecretScope"),
    "jobs": ResourceType("jobs.JobSettings"),
    "model_serving_endpoints": ResourceType("serving.ServingEndpointsAPI.create"),
}


@functools.cache
def vendor_shapes() -> Shapes:
    """The shapes of all types of resources, by name."""
    data = json.loads(files("brickyard.project").joinpath("vendor_types.json").read_text(encoding="utf-8"))
    return {
        name: {field: Field(type_, required) for field, (type_, required) in fields.items()}
        for name, fields in data["shapes"].items()
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
