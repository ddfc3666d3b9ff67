"""SQL cells: one or more statements, with the notebook's widgets as parameters."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

__all__ = ["run", "statements"]

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


def run(text: str, spark: Any, widgets: Mapping[str, str]) -> Any:
    """Execute the statements; the last one's result, none where there is no statement.

    Widgets are parameters (`:name`), and replace `${name}` as text.
    """
    frame = None
    for statement in statements(_LEGACY.sub(lambda match: widgets.get(match[1], match[0]), text)):
        named = {name: value for name, value in widgets.items() if re.search(rf":{re.escape(name)}\b", statement)}
        frame = spark.sql(statement, args=named) if named else spark.sql(statement)
    return frame
