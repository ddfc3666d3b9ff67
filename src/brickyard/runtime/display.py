"""`display` and `displayHTML`: tables, figures and everything that can show itself."""

from __future__ import annotations

import base64
import html
import io
import sys
from typing import Any

from brickyard.runtime.record import recorder

__all__ = ["display", "display_html", "publish", "show_table"]

_ROWS_KEPT, _ROWS_PRINTED = 1000, 20


def display(value: Any = None, *more: Any, **options: Any) -> None:
    """Show a value: Spark and pandas data as a table, a figure as an image, other things as they show themselves."""
    for item in (value, *more):
        if item is not None:
            _display(item, options)


def display_html(text: str) -> None:
    """Show HTML."""
    publish({"text/html": text, "text/plain": "<HTML>"})


def publish(data: dict[str, Any], metadata: dict[str, Any] | None = None) -> None:
    """Keep what is shown with the cell, and print it as text."""
    out = sys.stdout
    kept = recorder()
    if kept is not None:
        kept.display(data, metadata)
        out = sys.__stdout__ or sys.stdout
    out.write(str(data.get("text/plain", "")) + "\n")
    out.flush()


def show_table(frame: Any) -> None:
    """Show a Spark DataFrame: its first rows, without reading the others."""
    rows = frame.limit(_ROWS_KEPT + 1).toPandas()
    _publish_rows(rows, f"only the first {_ROWS_KEPT} rows are kept")


def _display(value: Any, options: dict[str, Any]) -> None:
    kind = type(value)
    family = kind.__module__.partition(".")[0]
    if family == "pyspark" and hasattr(value, "toPandas"):
        show_table(value)
    elif family == "pandas" and kind.__name__ in ("DataFrame", "Series"):
        frame = value.to_frame() if kind.__name__ == "Series" else value
        _publish_rows(frame.head(_ROWS_KEPT + 1), f"only the first {_ROWS_KEPT} rows are kept")
    elif family == "matplotlib" and hasattr(_figure(value), "savefig"):
        publish({"image/png": _png(_figure(value)), "text/plain": "<figure>"})
    elif _is_rows(value):
        import pandas

        _display(pandas.DataFrame(value), options)
    else:
        _display_any(value)


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
    return isinstance(value, list) and bool(value) and all(isinstance(v, dict) or hasattr(v, "_fields") for v in value)


def _publish_rows(rows: Any, note: str) -> None:
    cut = len(rows) > _ROWS_KEPT
    rows = rows.head(_ROWS_KEPT)
    text = rows.to_string(max_rows=_ROWS_PRINTED, index=_has_labels(rows))
    table = rows.to_html(index=_has_labels(rows), border=0, na_rep="null")
    if cut:
        text, table = f"{text}\n({note})", f"{table}<p>{html.escape(note)}</p>"
    publish({"text/html": table, "text/plain": text})


def _has_labels(rows: Any) -> bool:
    """Whether the index says something: a plain count of rows does not."""
    return type(rows.index).__name__ != "RangeIndex"


def _figure(value: Any) -> Any:
    return value if hasattr(value, "savefig") else getattr(value, "figure", None)


def _png(figure: Any) -> str:
    target = io.BytesIO()
    figure.savefig(target, format="png", bbox_inches="tight")
    return base64.b64encode(target.getvalue()).decode()
