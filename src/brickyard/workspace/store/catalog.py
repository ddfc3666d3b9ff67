"""Tables of Unity Catalog: catalogs, schemas, tables and volumes, and what is granted on them and on models."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, String, Table, Text

from brickyard.workspace.store.base import metadata

__all__ = ["attributes", "catalogs", "constraints", "dropped_tables", "external_locations", "functions", "grants"]
__all__ += ["metastores", "schemas", "storage_credentials", "tables", "tags", "volumes"]


def _common() -> list[Column[object]]:
    return [
        Column("id", String, nullable=False, unique=True),
        Column("name", String, nullable=False),
        Column("owner", String, nullable=False),
        Column("comment", Text),
        Column("created_at", BigInteger, nullable=False),
        Column("created_by", String, nullable=False),
        Column("updated_at", BigInteger, nullable=False),
        Column("updated_by", String, nullable=False),
    ]


catalogs = Table(
    "uc_catalogs",
    metadata,
    Column("full_name", String, primary_key=True),
    *_common(),
    Column("properties", Text),  # JSON
)

schemas = Table(
    "uc_schemas",
    metadata,
    Column("full_name", String, primary_key=True),
    Column("parent", String, ForeignKey(catalogs.c.full_name), nullable=False, index=True),
    *_common(),
    Column("properties", Text),  # JSON
)

tables = Table(
    "uc_tables",
    metadata,
    Column("full_name", String, primary_key=True),
    Column("parent", String, ForeignKey(schemas.c.full_name), nullable=False, index=True),
    *_common(),
    Column("properties", Text),  # JSON
    Column("table_type", String, nullable=False),
    Column("format", String),
    Column("location", String),  # a directory on disk
    Column("columns", Text),  # JSON; only where no Delta log says them
    Column("view_definition", Text),
)

volumes = Table(
    "uc_volumes",
    metadata,
    Column("full_name", String, primary_key=True),
    Column("parent", String, ForeignKey(schemas.c.full_name), nullable=False, index=True),
    *_common(),
    Column("location", String, nullable=False),  # a directory on disk
)

functions = Table(
    "uc_functions",
    metadata,
    Column("full_name", String, primary_key=True),
    Column("parent", String, ForeignKey(schemas.c.full_name), nullable=False, index=True),
    *_common(),
    Column("definition", Text, nullable=False),  # JSON: what the API was sent
)

constraints = Table(
    "uc_constraints",
    metadata,
    Column("table_id", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("definition", Text, nullable=False),  # JSON: as the API has it
)

storage_credentials = Table(
    "uc_storage_credentials",
    metadata,
    Column("full_name", String, primary_key=True),
    *_common(),
    Column("identity", Text),  # JSON: the cloud's identity, without secrets
    Column("read_only", Boolean, nullable=False),
    Column("isolation_mode", String, nullable=False),
)

external_locations = Table(
    "uc_external_locations",
    metadata,
    Column("full_name", String, primary_key=True),
    *_common(),
    Column("url", String, nullable=False),
    Column("credential_id", String, ForeignKey(storage_credentials.c.id), nullable=False, index=True),
    Column("read_only", Boolean, nullable=False),
    Column("fallback", Boolean, nullable=False),
    Column("isolation_mode", String, nullable=False),
)

# What only some catalogs, schemas and locations have; a row for each value.
attributes = Table(
    "uc_attributes",
    metadata,
    Column("object_id", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("value", Text, nullable=False),  # JSON
)

tags = Table(
    "uc_tags",
    metadata,
    Column("object_id", String, primary_key=True),
    Column("column", String, primary_key=True),  # of a table; empty for the object itself
    Column("key", String, primary_key=True),
    Column("value", Text, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("updated_by", String, nullable=False),
)

dropped_tables = Table(
    "uc_dropped_tables",
    metadata,
    Column("id", String, primary_key=True),  # the table's
    Column("schema_id", String, nullable=False, index=True),
    Column("record", Text, nullable=False),  # JSON: what it was
    Column("deleted_at", BigInteger, nullable=False),
)

# One row, from when the privileges of a new workspace were granted: what is revoked afterwards stays revoked.
metastores = Table(
    "uc_metastores",
    metadata,
    Column("id", String, primary_key=True),
    Column("created_at", BigInteger, nullable=False),
)

grants = Table(
    "uc_grants",
    metadata,
    Column("kind", String, primary_key=True),  # `CATALOG`, `SCHEMA`, ...
    Column("object_id", String, primary_key=True),  # never used again, so that a new object of a name has no old grants
    Column("principal_id", BigInteger, primary_key=True),  # a user, a service principal or a group
    Column("privilege", String, primary_key=True),
)
