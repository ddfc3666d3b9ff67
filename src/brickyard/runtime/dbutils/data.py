"""`dbutils.data`: what a table holds, at a glance."""

from __future__ import annotations

from typing import Any

from brickyard.runtime import display
from brickyard.runtime.dbutils.base import Part

__all__ = ["Data"]

_STATISTICS = ("count", "mean", "stddev", "min", "25%", "50%", "75%", "max")


class Data(Part):
    """Looks at data."""

    _name = "dbutils.data"

    def summarize(self, df: Any, precise: bool = False) -> None:
        """Show statistics of each column of a Spark or pandas DataFrame: a table, where the service shows charts.

        Args:
            df: The data.
            precise: Statistics are always exact here.
        """
        from brickyard.runtime import tables

        if hasattr(df, "toArrow"):
            columns = dict(df.dtypes)
            summary = df.summary(*_STATISTICS).toPandas().set_index("summary").T
            distinct = df.agg(*_distinct(columns)).toPandas().iloc[0] if columns else {}
            kinds: dict[str, str] = columns
        else:
            kinds = {str(name): str(kind) for name, kind in df.dtypes.items()}
            summary = df.describe(include="all").T
            distinct = df.nunique()
        names = [name for name in _STATISTICS if name in summary] + (["std"] if "std" in summary else [])
        rows = [
            {"column": name, "type": kind, "distinct": int(distinct[name])}
            | {one: _text(summary[one].get(name)) for one in names}
            for name, kind in kinds.items()
        ]
        display.show(tables.of_records(rows))


def _distinct(columns: dict[str, str]) -> list[Any]:
    from pyspark.sql import functions

    countable = {name for name, kind in columns.items() if not kind.startswith(("map", "variant"))}
    return [
        (functions.count_distinct(functions.col(f"`{name}`")) if name in countable else functions.lit(0)).alias(name)
        for name in columns
    ]


def _text(value: Any) -> str | None:
    return None if value is None or value != value else str(value)
