"""The builder of a table."""

from __future__ import annotations

from typing import Any

from pyspark.sql.connect.types import UnparsedDataType, pyspark_types_to_proto_types
from pyspark.sql.types import DataType, StructField, StructType

from brickyard.runtime.delta.messages import message
from brickyard.runtime.delta.plans import run

__all__ = ["DeltaTableBuilder", "IdentityGenerator"]

MODES = {"create": 1, "create if not exists": 2, "replace": 3, "create or replace": 4}


class IdentityGenerator:
    """The numbers of an identity column.

    Args:
        start: The first.
        step: From one to the next; not 0.
    """

    def __init__(self, start: int = 1, step: int = 1) -> None:
        if step == 0:
            raise ValueError("Column identity generation requires step to be non-zero.")
        self.start = start
        self.step = step


class DeltaTableBuilder:
    """Says what a table is to be; `execute` makes it."""

    def __init__(self, kind: Any, session: Any, mode: str) -> None:
        self._kind = kind
        self._session = session
        self._asked = message("CreateDeltaTable")(mode=MODES[mode])

    def tableName(self, identifier: str) -> DeltaTableBuilder:
        """Its name."""
        self._asked.table_name = identifier
        return self

    def location(self, location: str) -> DeltaTableBuilder:
        """The directory of its files."""
        self._asked.location = location
        return self

    def comment(self, comment: str) -> DeltaTableBuilder:
        """What people are told of it."""
        self._asked.comment = comment
        return self

    def addColumn(
        self,
        colName: str,
        dataType: str | DataType | None = None,
        nullable: bool = True,
        generatedAlwaysAs: str | IdentityGenerator | None = None,
        generatedByDefaultAs: IdentityGenerator | None = None,
        comment: str | None = None,
    ) -> DeltaTableBuilder:
        """A column.

        Args:
            colName: Its name.
            dataType: Its type.
            nullable: Whether it takes nulls.
            generatedAlwaysAs: The SQL of its values, or the numbers of an identity column.
            generatedByDefaultAs: The numbers of an identity column that takes other values too.
            comment: What people are told of it.
        """
        column = self._asked.columns.add(name=colName, nullable=nullable)
        kind: Any = UnparsedDataType(dataType) if isinstance(dataType, str) else dataType
        column.data_type = pyspark_types_to_proto_types(kind).SerializeToString()
        if comment is not None:
            column.comment = comment
        numbers = generatedByDefaultAs or generatedAlwaysAs
        if isinstance(numbers, IdentityGenerator):
            column.identity_info.start, column.identity_info.step = numbers.start, numbers.step
            column.identity_info.allow_explicit_insert = generatedByDefaultAs is not None
        elif numbers is not None:
            column.generated_always_as = numbers
        return self

    def addColumns(self, cols: StructType | list[StructField]) -> DeltaTableBuilder:
        """The columns of a schema."""
        for field in cols:
            comment = field.metadata.get("comment")
            self.addColumn(field.name, field.dataType, field.nullable, comment=comment)
        return self

    def partitionedBy(self, *cols: Any) -> DeltaTableBuilder:
        """The columns by whose values the files are kept apart."""
        self._asked.partitioning_columns.extend(_flat(cols))
        return self

    def clusterBy(self, *cols: Any) -> DeltaTableBuilder:
        """The columns by whose values rows are kept together."""
        self._asked.clustering_columns.extend(_flat(cols))
        return self

    def property(self, key: str, value: str) -> DeltaTableBuilder:
        """A property."""
        self._asked.properties[key] = value
        return self

    def execute(self) -> Any:
        """Make the table, and give it."""
        session = self._session
        if session is None:
            from pyspark.sql.connect.session import SparkSession

            session = SparkSession.builder.getOrCreate()
        run(session, "create_delta_table", self._asked)
        if self._asked.table_name:
            return self._kind.forName(session, self._asked.table_name)
        return self._kind.forPath(session, self._asked.location)


def _flat(names: tuple[Any, ...]) -> Any:
    return names[0] if len(names) == 1 and isinstance(names[0], list | tuple) else names
