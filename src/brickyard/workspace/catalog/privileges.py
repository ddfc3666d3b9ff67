"""The privileges of Unity Catalog, and on which kinds of objects each can be granted.

Source: https://docs.databricks.com/data-governance/unity-catalog/access-control/privileges-reference (privilege model
1.0) and `databricks.sdk.service.catalog.Privilege`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

__all__ = ["ALL_PRIVILEGES", "APPLICABLE", "NOT_IN_ALL", "SEEN_WITH_ANY", "SIGHT", "USE", "ObjectKind", "words"]

ALL_PRIVILEGES = "ALL_PRIVILEGES"
#: What ALL PRIVILEGES does not include.
NOT_IN_ALL = frozenset({"MANAGE", "EXTERNAL_USE_SCHEMA", "EXTERNAL_USE_LOCATION"})


class ObjectKind(StrEnum):
    """What an object of Unity Catalog is; the value is the vendor's name in error codes."""

    METASTORE = "METASTORE"
    CATALOG = "CATALOG"
    SCHEMA = "SCHEMA"
    TABLE = "TABLE"
    VOLUME = "VOLUME"
    MODEL = "MODEL"
    FUNCTION = "FUNCTION"
    STORAGE_CREDENTIAL = "STORAGE_CREDENTIAL"
    EXTERNAL_LOCATION = "EXTERNAL_LOCATION"

    @property
    def label(self) -> str:
        """What the vendor's messages call it."""
        is_routine = self in (ObjectKind.MODEL, ObjectKind.FUNCTION)
        return "Routine or Model" if is_routine else self.replace("_", " ").title()

    @property
    def securable_type(self) -> str:
        """What the API calls it: of models the type is `FUNCTION`, says the SDK's `RegisteredModelsAPI`."""
        return "FUNCTION" if self is ObjectKind.MODEL else self.value

    @property
    def depth(self) -> int:
        """How many names lead to it."""
        return _DEPTHS.get(self.value, 3)

    @property
    def is_in_catalogs(self) -> bool:
        """Whether a catalog's name begins its own."""
        return self is ObjectKind.CATALOG or self.depth > 1

    @property
    def container(self) -> ObjectKind:
        """What objects of this kind are in: catalogs in the metastore, schemas in catalogs, all others in schemas."""
        above = (ObjectKind.METASTORE, ObjectKind.METASTORE, ObjectKind.CATALOG, ObjectKind.SCHEMA)
        return above[self.depth]


_DEPTHS = {"METASTORE": 0, "CATALOG": 1, "STORAGE_CREDENTIAL": 1, "EXTERNAL_LOCATION": 1, "SCHEMA": 2}
_ON_ALL = frozenset({ALL_PRIVILEGES, "APPLY_TAG", "MANAGE"})
_ON_TABLES = frozenset({"MODIFY", "REFRESH", "SELECT"})
_ON_VOLUMES = frozenset({"READ_VOLUME", "WRITE_VOLUME"})
_ON_MODELS = frozenset({"CREATE_MODEL_VERSION", "EXECUTE"})
_ON_CREDENTIALS = frozenset(
    {ALL_PRIVILEGES, "CREATE_EXTERNAL_LOCATION", "CREATE_EXTERNAL_TABLE", "MANAGE", "READ_FILES", "WRITE_FILES"}
)
_ON_LOCATIONS = frozenset(
    {
        ALL_PRIVILEGES,
        "BROWSE",
        "CREATE_EXTERNAL_TABLE",
        "CREATE_EXTERNAL_VOLUME",
        "CREATE_FOREIGN_SECURABLE",
        "CREATE_MANAGED_STORAGE",
        "EXTERNAL_USE_LOCATION",
        "MANAGE",
        "READ_FILES",
        "WRITE_FILES",
    }
)
_IN_SCHEMAS = frozenset(
    {
        "CREATE_FUNCTION",
        "CREATE_MATERIALIZED_VIEW",
        "CREATE_MODEL",
        "CREATE_TABLE",
        "CREATE_VOLUME",
        "EXTERNAL_USE_SCHEMA",
        "USE_SCHEMA",
    }
)
_IN_METASTORE = frozenset(
    {
        "CREATE_CATALOG",
        "CREATE_CLEAN_ROOM",
        "CREATE_CONNECTION",
        "CREATE_EXTERNAL_LOCATION",
        "CREATE_PROVIDER",
        "CREATE_RECIPIENT",
        "CREATE_SERVICE_CREDENTIAL",
        "CREATE_SHARE",
        "CREATE_STORAGE_CREDENTIAL",
        "MANAGE_ALLOWLIST",
        "SET_SHARE_PERMISSION",
        "USE_MARKETPLACE_ASSETS",
        "USE_PROVIDER",
        "USE_RECIPIENT",
        "USE_SHARE",
    }
)
_BELOW = _ON_ALL | _IN_SCHEMAS | _ON_TABLES | _ON_VOLUMES | _ON_MODELS

#: What can be granted on an object; what it means for others is inherited by those in it.
APPLICABLE: Mapping[ObjectKind, frozenset[str]] = {
    ObjectKind.METASTORE: _IN_METASTORE,
    ObjectKind.CATALOG: _BELOW | {"BROWSE", "CREATE_SCHEMA", "USE_CATALOG"},
    ObjectKind.SCHEMA: _BELOW,
    ObjectKind.TABLE: _ON_ALL | _ON_TABLES,
    ObjectKind.VOLUME: _ON_ALL | _ON_VOLUMES,
    ObjectKind.MODEL: _ON_ALL | _ON_MODELS,
    ObjectKind.FUNCTION: _ON_ALL | {"EXECUTE"},
    ObjectKind.STORAGE_CREDENTIAL: _ON_CREDENTIALS,
    ObjectKind.EXTERNAL_LOCATION: _ON_LOCATIONS,
}

#: What is needed on an object to reach those in it.
USE: Mapping[ObjectKind, str] = {ObjectKind.CATALOG: "USE_CATALOG", ObjectKind.SCHEMA: "USE_SCHEMA"}

#: What lets a principal see an object in lists, and look at it.
SIGHT: Mapping[ObjectKind, str] = {
    **USE,
    ObjectKind.TABLE: "SELECT",
    ObjectKind.VOLUME: "READ_VOLUME",
    ObjectKind.MODEL: "EXECUTE",
    ObjectKind.FUNCTION: "EXECUTE",
    ObjectKind.STORAGE_CREDENTIAL: "READ_FILES",
    ObjectKind.EXTERNAL_LOCATION: "READ_FILES",
}


#: What any privilege on lets see.
SEEN_WITH_ANY = frozenset({ObjectKind.STORAGE_CREDENTIAL, ObjectKind.EXTERNAL_LOCATION})


def words(privilege: str) -> str:
    """A privilege as messages write it, for example `USE SCHEMA`."""
    return privilege.replace("_", " ")
