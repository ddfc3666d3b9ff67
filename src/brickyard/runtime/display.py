"""`display` and `displayHTML`: tables, figures and everything that can show itself."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from brickyard.runtime import figures
from brickyard.runtime.context import current
from brickyard.runtime.ending import NotSupported
from brickyard.runtime.record import recorder

if TYPE_CHECKING:
    from brickyard.runtime.tables import Table

__all__ = ["display", "display_html", "publish", "show", "show_result", "show_table"]

#: Libraries of charts whose figures are pages of their own.
_CHARTS = frozenset({"plotly", "altair"})


def display(value: Any = None, *more: Any, **options: Any) -> None:
    """Show a value: Spark and pandas data as a table, a figure as an image, other things as they show themselves."""
    for item in (value, *more):
        if item is not None:
            _display(item)


def display_html(text: str) -> None:
    """Show HTML."""
    publish({"text/html": str(text), "text/plain": "<HTML>"})


def publish(data: dict[str, Any], metadata: dict[str, Any] | None = None) -> None:
    """Keep what is shown with the cell, and print it as text."""
    out = sys.stdout
    kept = recorder()
    if kept is not None:
        kept.display(data, metadata)
        out = sys.__stdout__ or sys.stdout
    out.write(str(data.get("text/plain", "")) + "\n")
    out.flush()


def show(table: Table) -> None:
    """Show a table, without secrets also where its values are cut."""
    publish(*table.bundle(current().redactor.redact))


def show_table(frame: Any) -> None:
    """Show a Spark DataFrame: its first rows, without reading the others.

    Raises:
        NotSupported: It is a stream.
    """
    from brickyard.runtime import tables

    if frame.isStreaming:
        raise NotSupported(
            "display of a streaming DataFrame is not available in a local workspace; write it to a table"
        )
    show(tables.of_spark(frame))


def show_result(value: Any) -> None:
    """Show the value of a cell's last expression: a figure as an image, all else as it shows itself."""
    if not _show_figure(value):
        _display_any(value)


def _display(value: Any) -> None:
    from brickyard.runtime import tables

    kind = type(value)
    family = kind.__module__.partition(".")[0]
    if family == "pyspark" and hasattr(value, "toArrow"):
        show_table(value)
    elif family == "pyspark" and hasattr(value, "to_pandas"):
        show(tables.of_pandas(value.head(tables.ROWS + 1).to_pandas()))
    elif family == "pandas" and kind.__name__ in ("DataFrame", "Series"):
        frame = value.to_frame() if kind.__name__ == "Series" else value
        show(tables.of_pandas(frame))
    elif family == "polars" and hasattr(value, "to_arrow"):
        show(tables.of_arrow(_frame(value).to_arrow()))
    elif family == "pyarrow" and kind.__name__ == "Table":
        show(tables.of_arrow(value))
    elif _is_rows(value):
        show(tables.of_records(value))
    elif not _show_figure(value):
        _display_any(value)


def _frame(value: Any) -> Any:
    """A Polars DataFrame, also of a Series."""
    return value if hasattr(value, "columns") else value.to_frame()


def _show_figure(value: Any) -> bool:
    """Show a value that is a figure; whether it is one."""
    family = type(value).__module__.partition(".")[0]
    if family == "matplotlib" and hasattr(_figure(value), "savefig"):
        publish({"image/png": figures.png(_figure(value)), "text/plain": "<figure>"})
    elif family in _CHARTS and hasattr(value, "to_html"):
        options = {"full_html": False, "include_plotlyjs": "cdn"} if family == "plotly" else {}
        publish({"text/html": value.to_html(**options), "text/plain": f"<{family} figure>"})
    else:
        return False
    return True


def _display_any(value: Any) -> None:
    from IPython.core.formatters import DisplayFormatter
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell._instance
    formatter: Any = DisplayFormatter() if shell is None else shell.display_formatter
    data, metadata = formatter.format(value)
    if data:  # an object that shows itself, as a widget does, leaves nothing to show
        publish(data, metadata)


def _is_rows(value: Any) -> bool:
    """Whether it is a list of records: mappings, or tuples with names."""
    return isinstance(value, list) and bool(value) and all(_is_record(one) for one in value)


def _is_record(value: Any) -> bool:
    return isinstance(value, dict) or (isinstance(value, tuple) and hasattr(value, "_fields")) or _is_spark_row(value)


def _is_spark_row(value: Any) -> bool:
    return isinstance(value, tuple) and hasattr(value, "__fields__")


def _figure(value: Any) -> Any:
    return value if hasattr(value, "savefig") else getattr(value, "figure", None)
