"""A table or view as the catalog describes it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from brickyard.workspace.compute.gateway.errors import ANALYSIS, UNSUPPORTED, SparkError, unsupported
from brickyard.workspace.compute.gateway.file_tables import FileTable
from brickyard.workspace.compute.gateway.names import TableName
from brickyard.workspace.compute.gateway.policies import Policies
from brickyard.workspace.compute.gateway.view_columns import ViewColumns

__all__ = ["Table"]


@dataclass(frozen=True)
class Table:
    """A table or view as the catalog describes it.

    Attributes:
        held_in: The engine's temporary view with the rows, of what only the gateway knows (`information_schema`).
        comments: Those of the columns, of a view: a table has them in its log.
        columns: Those that a view had when it was made.
        files: What is in its files, if they are no Delta table.
    """

    name: TableName
    kind: str
    location: Path | None = None
    definition: str | None = None
    comment: str | None = None
    owner: str | None = None
    properties: dict[str, str] = field(default_factory=dict)
    created_at: int | None = None
    table_id: str | None = None
    held_in: str | None = None
    comments: dict[str, str] = field(default_factory=dict)
    columns: ViewColumns = field(default_factory=ViewColumns)
    policies: Policies = field(default_factory=Policies)
    files: FileTable | None = None

    @property
    def is_view(self) -> bool:
        """Whether it is a view: a query with a name."""
        return self.kind == "VIEW"

    @property
    def place(self) -> Path:
        """Where the Delta table is, for what reads or changes rows of it.

        Raises:
            SparkError: If it is a view, or its readers get only some of its rows and values.
        """
        if self.policies:
            raise unsupported(
                f"this use of {self.name}, which has a row filter or column masks",
                "Query it by its name, append to it, or drop them first.",
            )
        return self.directory

    @property
    def directory(self) -> Path:
        """Where the Delta table is, for what looks at its columns and properties, or only adds rows.

        Raises:
            SparkError: If it is a view, or its files are no Delta table.
        """
        self.need_delta()
        if self.location is None:
            raise SparkError("EXPECT_TABLE_NOT_VIEW", f"{self.name} is a view, and a table is needed here.")
        return self.location

    def need_delta(self, operation: str = "") -> None:
        """Refuse an operation of Delta tables on one whose files are others.

        Raises:
            SparkError: UNSUPPORTED_FEATURE.TABLE_OPERATION.
        """
        if self.files is not None:
            text = (
                f"The feature is not supported: Table {self.name} does not support {operation or 'this operation'}, "
                f"which is for Delta tables: its format is {self.files.kind}. Use INSERT OVERWRITE, or a Delta table."
            )
            kind = UNSUPPORTED if operation in {"UPDATE TABLE", "MERGE INTO TABLE"} else ANALYSIS
            raise SparkError("UNSUPPORTED_FEATURE.TABLE_OPERATION", text, kind=kind, sql_state="0A000")

    @staticmethod
    def from_wire(wire: dict[str, Any]) -> Table:
        """Read the answer of `tables.get` or one entry of `tables.list`."""
        location, properties = wire.get("storage_location"), dict(wire.get("properties") or {})
        is_view = wire.get("table_type") == "VIEW"
        return Table(
            TableName(wire["catalog_name"], wire["schema_name"], wire["name"]),
            wire.get("table_type", "MANAGED"),
            Path(unquote(urlsplit(location).path)) if location else None,
            wire.get("view_definition"),
            wire.get("comment"),
            wire.get("owner"),
            properties,
            wire.get("created_at"),
            wire.get("table_id"),
            policies=Policies.of(wire),
            files=FileTable.of(wire),
            columns=ViewColumns.of(wire, properties) if is_view else ViewColumns(),
            comments={one["name"]: one["comment"] for one in wire.get("columns") or [] if one.get("comment")},
        )
