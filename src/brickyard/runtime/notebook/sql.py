"""SQL cells: one or more statements, with the notebook's widgets as parameters."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from brickyard.runtime.dbutils.widgets import Widgets

__all__ = ["run", "statements"]

_CREATE = re.compile(
    r"""create\s+widget\s+(text|dropdown|combobox|multiselect)\s+`?([\w.-]+)`?\s+default\s+(['"])(.*?)\3"""
    r"""(?:\s+choices\s+(.+))?""",
    re.IGNORECASE | re.DOTALL,
)
_REMOVE = re.compile(r"remove\s+widget\s+`?([\w.-]+)`?", re.IGNORECASE)
_PART = r"""(?::\w+|'[^']*'|"[^"]*")"""
_IDENTIFIER = re.compile(rf"\bidentifier\(\s*({_PART}(?:\s*\|\|\s*{_PART})*)\s*\)", re.IGNORECASE)
_NAME = re.compile(r"(?:\w+|`[^`]+`)(?:\.(?:\w+|`[^`]+`))*")
_FUNCTION = re.compile(r"""\bgetArgument\(\s*["']([^"']+)["']\s*\)""", re.IGNORECASE)
_MUSTACHE = re.compile(r"\{\{\s*([A-Za-z_][\w.]*)\s*\}\}")
_LEGACY = re.compile(r"\$\{?(?:getArgument\([\"'])?([A-Za-z_]\w*)(?:[\"']\))?\}?")


def statements(text: str) -> list[str]:
    """The statements of a cell or file; a semicolon in a string, a comment or a script (`BEGIN ... END`) ends none."""
    from sqlglot.dialects import databricks
    from sqlglot.tokenizer_core import TokenType

    parts, start = [], 0
    found = databricks.Databricks().tokenize(text)
    script = bool(found) and found[0].token_type is TokenType.BEGIN
    for token in [] if script else found:
        if token.token_type is TokenType.SEMICOLON:
            parts.append(text[start : token.start])
            start = token.end + 1
    last = [token for token in found if token.start >= start]
    return [part.strip() for part in [*parts, text[start:] if last else ""] if part.strip()]


def run(text: str, spark: Any, widgets: Widgets) -> Any:
    """Execute the statements; the last one's result, none where there is no statement.

    Widgets are parameters (`:name`, also in `IDENTIFIER(:name)`, which this Spark does not know), and replace
    `${name}` and `{{name}}` as text and `getArgument('name')` as a string. `CREATE WIDGET` and `REMOVE WIDGET` are
    statements of notebooks, which Spark does not know.
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
    text = _MUSTACHE.sub(lambda match: values.get(match[1], match[0]), text)
    text = _LEGACY.sub(lambda match: values.get(match[1], match[0]), text)
    text = _FUNCTION.sub(lambda match: _literal(values[match[1]]) if match[1] in values else match[0], text)
    return _IDENTIFIER.sub(lambda match: _identifier(match[1], values), text)


def _literal(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _identifier(expression: str, values: Mapping[str, str]) -> str:
    """The name that `IDENTIFIER(:catalog || '.t')` stands for; as it is where a parameter is no widget.

    Raises:
        ValueError: What comes out is no name.
    """
    parts = [part.strip() for part in expression.split("||")]
    if any(part.startswith(":") and part[1:] not in values for part in parts):
        return f"IDENTIFIER({expression})"
    name = "".join(values[part[1:]] if part.startswith(":") else part[1:-1] for part in parts)
    if not _NAME.fullmatch(name):
        raise ValueError(f"IDENTIFIER({expression}) is {name!r}, which is not the name of an object")
    return name


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
