"""`DeltaTable`, as notebooks on Databricks have it; each call is one request to the workspace.

Source: the reference of Delta Lake's Python API (`delta.tables`), version 4.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql.connect.dataframe import DataFrame as ConnectDataFrame
from pyspark.sql.connect.plan import LogicalPlan, SubqueryAlias

from brickyard.runtime.delta.builders import DeltaTableBuilder
from brickyard.runtime.delta.merge import DeltaMergeBuilder
from brickyard.runtime.delta.messages import message
from brickyard.runtime.delta.plans import DeltaPlan, collect, run
from brickyard.runtime.delta.values import as_column, assignments

__all__ = ["DeltaOptimizeBuilder", "DeltaTable"]

Condition = str | Column


class DeltaTable:
    """A Delta table: made by `forName` or `forPath`.

    Args:
        session: The Spark session.
        table: The `DeltaTable` message that names it.
        plan: Reads it; with its alias, if it has one.
    """

    def __init__(self, session: Any, table: Any, plan: LogicalPlan | None = None) -> None:
        self._session = session
        self._table = table
        self._plan = plan or DeltaPlan(_request("scan", table=table))

    @classmethod
    def forName(cls, sparkSession: Any, tableOrViewName: str) -> DeltaTable:
        """The table of that name.

        Raises:
            AnalysisException: There is none.
        """
        found = cls(sparkSession, message("DeltaTable")(table_or_view_name=tableOrViewName))
        return found._checked()

    @classmethod
    def forPath(cls, sparkSession: Any, path: str, hadoopConf: Mapping[str, str] | None = None) -> DeltaTable:
        """The table in a directory.

        Raises:
            AnalysisException: There is none.
        """
        table = message("DeltaTable")()
        table.path.path = path
        table.path.hadoop_conf.update(hadoopConf or {})
        found = cls(sparkSession, table)
        return found._checked()

    @classmethod
    def isDeltaTable(cls, sparkSession: Any, identifier: str) -> bool:
        """Whether there is a Delta table in a directory."""
        asked = message("DeltaRelation")()
        asked.is_delta_table.path = identifier
        return bool(ConnectDataFrame(DeltaPlan(asked), sparkSession).collect()[0][0])

    @classmethod
    def convertToDelta(cls, sparkSession: Any, identifier: str, partitionSchema: Any = None) -> DeltaTable:
        """Make a Delta table of files in another format."""
        asked = message("DeltaRelation")()
        asked.convert_to_delta.identifier = identifier
        if partitionSchema is not None:
            text = partitionSchema if isinstance(partitionSchema, str) else _columns(partitionSchema)
            asked.convert_to_delta.partition_schema_string = text
        collect(sparkSession, DeltaPlan(asked))
        return cls.forName(sparkSession, identifier)

    @classmethod
    def create(cls, sparkSession: Any = None) -> DeltaTableBuilder:
        """A builder of a table; it fails where there is one already."""
        return DeltaTableBuilder(cls, sparkSession, "create")

    @classmethod
    def createIfNotExists(cls, sparkSession: Any = None) -> DeltaTableBuilder:
        """A builder of a table; it leaves alone what there is already."""
        return DeltaTableBuilder(cls, sparkSession, "create if not exists")

    @classmethod
    def replace(cls, sparkSession: Any = None) -> DeltaTableBuilder:
        """A builder of a table that takes the place of one; it fails where there is none."""
        return DeltaTableBuilder(cls, sparkSession, "replace")

    @classmethod
    def createOrReplace(cls, sparkSession: Any = None) -> DeltaTableBuilder:
        """A builder of a table that takes the place of one, if there is one."""
        return DeltaTableBuilder(cls, sparkSession, "create or replace")

    def toDF(self) -> DataFrame:
        """The table's rows."""
        frame: DataFrame = ConnectDataFrame(self._plan, self._session)
        return frame

    def alias(self, aliasName: str) -> DeltaTable:
        """The table under another name, for conditions and values."""
        return DeltaTable(self._session, self._table, SubqueryAlias(self._plan, aliasName))

    def delete(self, condition: Condition | None = None) -> DataFrame:
        """Delete the rows for which the condition is true; without one, all."""
        asked = message("DeltaRelation")()
        asked.delete_from_table.SetInParent()
        return self._done(asked, asked.delete_from_table, condition)

    def update(self, condition: Any = None, set: Mapping[str, Condition] | None = None) -> DataFrame:
        """Set columns of the rows for which the condition is true.

        Args:
            condition: SQL or a column; without one, all rows.
            set: The columns and their new values, as SQL or columns.
        """
        asked = message("DeltaRelation")()
        parts = assignments(asked.update_table, set, "set")
        return self._done(asked, asked.update_table, condition, parts)

    def merge(self, source: DataFrame, condition: Condition) -> DeltaMergeBuilder:
        """A builder of a merge with a data frame."""
        if not isinstance(source, ConnectDataFrame):
            raise TypeError(f"Type of 'source' in merge must be DataFrame, not {type(source).__name__}")
        return DeltaMergeBuilder(self._session, self._plan, source._plan, as_column(condition, "condition"))

    def history(self, limit: int | None = None) -> DataFrame:
        """The table's versions, the latest first."""
        frame: DataFrame = self._rows("describe_history")
        if limit is not None:
            frame = frame.limit(limit)
        return frame

    def detail(self) -> DataFrame:
        """What the table is: one row."""
        frame: DataFrame = self._rows("describe_detail")
        return frame

    def vacuum(self, retentionHours: float | None = None) -> DataFrame:
        """Remove files that no version of the retention time needs."""
        asked = message("VacuumTable")(table=self._table)
        if retentionHours is not None:
            asked.retention_hours = float(retentionHours)
        run(self._session, "vacuum_table", asked)
        frame: DataFrame = self._session.createDataFrame([], "path string")
        return frame

    def optimize(self) -> DeltaOptimizeBuilder:
        """A builder of a rewriting of the table's files."""
        return DeltaOptimizeBuilder(self._session, self._table)

    def restoreToVersion(self, version: int) -> DataFrame:
        """Make an earlier version the current one."""
        return self._restored(version=version)

    def restoreToTimestamp(self, timestamp: str) -> DataFrame:
        """Make the version of a time the current one."""
        return self._restored(timestamp=timestamp)

    def generate(self, mode: str) -> None:
        """Write a manifest for other systems."""
        run(self._session, "generate", message("Generate")(table=self._table, mode=mode))

    def upgradeTableProtocol(self, readerVersion: int, writerVersion: int) -> None:
        """Raise the versions of the protocol that the table asks for."""
        versions = {"reader_version": readerVersion, "writer_version": writerVersion}
        run(self._session, "upgrade_table_protocol", message("UpgradeTableProtocol")(table=self._table, **versions))

    def addFeatureSupport(self, featureName: str) -> None:
        """Let the table use a feature."""
        run(self._session, "add_feature_support", message("Feature")(table=self._table, feature_name=featureName))

    def dropFeatureSupport(self, featureName: str, truncateHistory: bool | None = None) -> None:
        """Take a feature away from the table."""
        asked = message("Feature")(table=self._table, feature_name=featureName)
        if truncateHistory is not None:
            asked.truncate_history = truncateHistory
        run(self._session, "drop_feature_support", asked)

    def clone(
        self, target: str, isShallow: bool = False, replace: bool = False, properties: Mapping[str, str] | None = None
    ) -> DeltaTable:
        """Copy the table as it is now."""
        return self._cloned(target, isShallow, replace, properties)

    def cloneAtVersion(
        self,
        version: int,
        target: str,
        isShallow: bool = False,
        replace: bool = False,
        properties: Mapping[str, str] | None = None,
    ) -> DeltaTable:
        """Copy an earlier version of the table."""
        return self._cloned(target, isShallow, replace, properties, version=version)

    def cloneAtTimestamp(
        self,
        timestamp: str,
        target: str,
        isShallow: bool = False,
        replace: bool = False,
        properties: Mapping[str, str] | None = None,
    ) -> DeltaTable:
        """Copy the table as it was at a time."""
        return self._cloned(target, isShallow, replace, properties, timestamp=timestamp)

    def _checked(self) -> DeltaTable:
        """The table, which is asked for, so that one that does not exist is an error at once."""
        self._session.client.schema(self._plan.to_proto(self._session.client))
        return self

    def _cloned(
        self, target: str, shallow: bool, replace: bool, properties: Mapping[str, str] | None, **when: Any
    ) -> DeltaTable:
        asked = message("CloneTable")(table=self._table, target=target, is_shallow=shallow, replace=replace, **when)
        asked.properties.update(properties or {})
        run(self._session, "clone_table", asked)
        return DeltaTable.forPath(self._session, target) if "/" in target else DeltaTable.forName(self._session, target)

    def _rows(self, name: str) -> Any:
        return ConnectDataFrame(DeltaPlan(_request(name, table=self._table)), self._session)

    def _restored(self, **when: Any) -> DataFrame:
        return collect(self._session, DeltaPlan(_request("restore_table", table=self._table, **when)))

    def _done(self, asked: Any, place: Any, condition: Any, parts: list[Any] | None = None) -> DataFrame:
        parts = [*(parts or []), (place, "target", self._plan)]
        if condition is not None:
            parts.append((place, "condition", as_column(condition, "condition")))
        return collect(self._session, DeltaPlan(asked, parts))


class DeltaOptimizeBuilder:
    """Says which files of a table are rewritten, and how."""

    def __init__(self, session: Any, table: Any) -> None:
        self._session = session
        self._asked = message("DeltaRelation")()
        self._asked.optimize_table.table.CopyFrom(table)

    def where(self, partitionFilter: str) -> DeltaOptimizeBuilder:
        """Only these partitions."""
        self._asked.optimize_table.partition_filters.append(partitionFilter)
        return self

    def executeCompaction(self) -> DataFrame:
        """Make few large files of many small ones."""
        return collect(self._session, DeltaPlan(self._asked))

    def executeZOrderBy(self, *cols: Any) -> DataFrame:
        """Put rows with near values of these columns into the same files."""
        names = cols[0] if len(cols) == 1 and isinstance(cols[0], list | tuple) else cols
        self._asked.optimize_table.zorder_columns.extend(names)
        return collect(self._session, DeltaPlan(self._asked))


def _request(name: str, **content: Any) -> Any:
    asked = message("DeltaRelation")()
    place = getattr(asked, name)
    for field, value in content.items():
        if field == "table":
            place.table.CopyFrom(value)
        else:
            setattr(place, field, value)
    return asked


def _columns(schema: Any) -> str:
    return ", ".join(f"`{field.name}` {field.dataType.simpleString()}" for field in schema.fields)
