"""The catalog in which the sessions of a cluster begin.

Source: https://docs.databricks.com/catalogs/default ("Override the default catalog for a cluster").
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["INITIAL_CATALOG", "initial_catalog"]

INITIAL_CATALOG = "spark.databricks.sql.initialCatalog.name"
#: Other names of the property, and Spark's own.
_OTHER_NAMES = (
    "spark.databricks.sql.initialCatalog.namespace",
    "spark.databricks.sql.initialCatalogName",
    "spark.sql.defaultCatalog",
)


def initial_catalog(properties: Mapping[str, str], default: str) -> str:
    """What a cluster's properties say; the workspace's default where they say nothing."""
    named = (properties.get(key, "").strip().lower() for key in (INITIAL_CATALOG, *_OTHER_NAMES))
    found = next((name for name in named if name), default)
    return "hive_metastore" if found == "spark_catalog" else found
