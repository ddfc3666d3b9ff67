"""Three-level names of tables, and the name state of one Spark session."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from brickyard.workspace.compute.gateway.errors import SparkError

__all__ = ["FILE_FORMATS", "GLOBAL", "HIVE", "SessionNames", "TableName", "is_global", "quote"]


#: The catalog of before Unity Catalog.
HIVE = "hive_metastore"
#: The schema of global temporary views, which is in no catalog.
GLOBAL = "global_temp"
#: What can stand before a path, as in ``delta.`/path```.
FILE_FORMATS = frozenset({"delta", "parquet", "csv", "json", "text", "orc", "avro", "binaryfile"})


def quote(*parts: str) -> str:
    """The parts as one backquoted SQL name."""
    return ".".join("`" + part.replace("`", "``") + "`" for part in parts)


@dataclass(frozen=True)
class TableName:
    """A fully qualified table, view or function name, in lower case as Unity Catalog keeps it."""

    catalog: str
    schema: str
    name: str

    @property
    def full(self) -> str:
        """`catalog.schema.name`, the key in the Unity Catalog API."""
        return f"{self.catalog}.{self.schema}.{self.name}"

    def __str__(self) -> str:
        return quote(self.catalog, self.schema, self.name)


@dataclass
class SessionNames:
    """What a name means in one Spark session: current catalog and schema, and the temporary views by their names."""

    catalog: str = "main"
    schema: str = "default"
    temporary: dict[str, Any] = field(default_factory=dict)

    def catalog_of(self, part: str) -> str:
        """The name of a catalog; Spark's own name for its first one is that of the legacy catalog."""
        name = check(part)
        return HIVE if name == "spark_catalog" else name

    def table(self, parts: Sequence[str]) -> TableName:
        """Qualify a one-, two- or three-part name.

        Raises:
            SparkError: If it has more than three parts or an impossible part.
        """
        names = [check(part) for part in parts]
        if not 1 <= len(names) <= 3:
            raise SparkError("REQUIRES_SINGLE_PART_NAMESPACE", f"{quote(*parts)} is not a table name.")
        if len(names) == 3:
            return TableName(self.catalog_of(names[0]), *names[1:])
        return TableName(*[self.catalog, self.schema][: 3 - len(names)], *names)

    def namespace(self, parts: Sequence[str]) -> tuple[str, str]:
        """Qualify a schema name of one or two parts."""
        names = [check(part) for part in parts]
        if len(names) == 1:
            return self.catalog, names[0]
        if len(names) == 2:
            return self.catalog_of(names[0]), names[1]
        raise SparkError("REQUIRES_SINGLE_PART_NAMESPACE", f"{quote(*parts)} is not a schema name.")

    def is_temporary(self, parts: Sequence[str]) -> bool:
        """Whether the name means a temporary view of this session."""
        return len(parts) == 1 and parts[0].lower() in self.temporary


def is_global(parts: Sequence[str]) -> bool:
    """Whether the name would be that of a global temporary view."""
    return len(parts) == 2 and parts[0].lower() == GLOBAL


def check(part: str) -> str:
    """A name part in lower case.

    Raises:
        SparkError: If it could not be a directory name below the workspace.
    """
    if not part or part in {".", ".."} or any(c in "/\\.\0 " or ord(c) < 32 for c in part):
        raise SparkError("INVALID_IDENTIFIER", f"{quote(part)} is not a valid name.", sql_state="42602")
    return part.lower()
