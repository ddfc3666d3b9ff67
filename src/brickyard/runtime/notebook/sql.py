"""SQL cells: one or more statements, with the notebook's widgets as parameters."""

from __future__ import annotations

import re
from typing import Any

from brickyard.runtime.dbutils.widgets import Widgets

__all__ = ["run", "statements"]

_CREATE = re.compile(
    r"""create\s+widget\s+(text|dropdown|combobox|multiselect)\s+`?([\w.-]+)`?\s+default\s+(['"])(.*?)\3"""
    r"""(?:\s+choices\s+(.+))?""",
    re.IGNORECASE | re.DOTALL,
)
_REMOVE = re.compile(r"remove\s+widget\s+`?([\w.-]+)`?", re.IGNORECASE)
_LEGACY = re.compile(r"\$\{?(?:getArgument\([\"'])?([A-Za-z_]\w*)(?:[\"']\))?\}?")


def statements(text: str) -> list[str]:
    """The statements of a cell; a semicolon in a string or comment ends none."""
    from sqlglot.dialects import databricks
    from sqlglot.tokenizer_core import TokenType

    parts, start = [], 0
    found = databricks.Databricks().tokenize(text)
    for token in found:
        if token.token_type is TokenType.SEMICOLON:
            parts.append(text[start : token.start])
            start = token.end + 1
    last = [token for token in found if token.start >= start]
    return [part.strip() for part in [*parts, text[start:] if last else ""] if part.strip()]


def run(text: str, spark: Any, widgets: Widgets) -> Any:
    """Execute the statements; the last one's result, none where there is no statement.

    Widgets are parameters (`:name`), and replace `${name}` as text. `CREATE WIDGET` and `REMOVE WIDGET` are statements
    of notebooks, which Spark does not know.
    """
    frame = None
    for statement in statements(_filled(text, widgets)):
        if not _about_widgets(statement, spark, widgets):
            frame = _execute(_filled(statement, widgets), spark, widgets)
    return frame


def _execute(statement: str, spark: Any, widgets: Widgets) -> Any:
    values = widgets.getAll().items()
    named = {name: value for name, value in values if re.search(rf":{re.escape(name)}\b", statement)}
    return spark.sql(statement, args=named) if named else spark.sql(statement)


def _filled(text: str, widgets: Widgets) -> str:
    values = widgets.getAll()
    return _LEGACY.sub(lambda match: values.get(match[1], match[0]), text)


def _about_widgets(statement: str, spark: Any, widgets: Widgets) -> bool:
    """Whether it is a statement about widgets; then it is done."""
    if removed := _REMOVE.fullmatch(statement):
        widgets.remove(removed[1])
        return True
    created = _CREATE.fullmatch(statement)
    if created is None:
        return False
    kind, name, _, default, query = created.groups()
    if kind.lower() == "text":
        widgets.text(name, default)
        return True
    choices = [str(row[0]) for row in spark.sql(query).collect()] if query else [default]
    getattr(widgets, kind.lower())(name, default, choices)
    return True
