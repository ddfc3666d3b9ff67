"""Tables in the tree of a statement: their names, their places in the text, and what version is asked for."""

from __future__ import annotations

from typing import Any

from brickyard.workspace.compute.gateway.errors import parse_error, unsupported
from brickyard.workspace.compute.gateway.travel import at

__all__ = ["as_engine_has_it", "at_version", "is_cte", "is_target", "need_name", "parts_of", "span_of", "when_of"]

#: Functions of Databricks SQL that read tables or files by name and that Sail does not have.
TABLE_FUNCTIONS = frozenset({"cloud_files", "stream", "identifier"})


def parts_of(table: Any) -> list[str] | None:
    """The name's parts; None for a function in the FROM clause."""
    from sqlglot import exp

    if isinstance(table.this, exp.Func):
        function = (table.this.name if isinstance(table.this, exp.Anonymous) else table.this.key).lower()
        if function in TABLE_FUNCTIONS:
            raise unsupported(f"the table function {function}()", "Use spark.read or the table's name instead.")
        return None
    return [part.name for part in table.parts]


def need_name(table: Any, sql: str) -> None:
    """Refuse a text in quotes in place of a name, which the parser takes for one.

    Raises:
        SparkError: PARSE_SYNTAX_ERROR.
    """
    for part in table.parts:
        if sql[part.meta.get("start", 0)] in "'\"":
            raise parse_error(f"Syntax error near '{part.name}': expected a name. Quote it with backticks.")


def is_target(table: Any) -> bool:
    """Whether it is the table that a statement changes."""
    from sqlglot import exp

    return table.arg_key == "this" and isinstance(table.parent, exp.Update | exp.Delete | exp.Merge)


def span_of(table: Any) -> tuple[int, int]:
    """Where the name begins and ends in the text."""
    parts = table.parts
    return parts[0].meta["start"], parts[-1].meta["end"] + 1


def at_version(table: Any, end: int) -> tuple[str, int]:
    """`t@v3`: the parser reads `@v3` as an alias that is a parameter."""
    from sqlglot import exp

    alias = table.args.get("alias")
    marker = alias.this if alias else None
    if not isinstance(marker, exp.Parameter):
        return "", end
    kind, value = at(marker.name)
    literal = value if kind == "VERSION" else f"'{value}'"
    return f" {kind} AS OF {literal}", end + 1 + len(marker.name)


def when_of(table: Any) -> tuple[str, int] | None:
    """`VERSION AS OF 3` or `TIMESTAMP AS OF '...'` with the end of its text; only literals are supported."""
    from sqlglot import exp

    version = table.args.get("version")
    if version is None:
        return None
    value = version.expression
    if not isinstance(value, exp.Literal) or "end" not in value.meta:
        return None
    return f" {version.name} AS OF {value.sql(dialect='databricks')}", value.meta["end"] + 1


def is_cte(table: Any, name: str) -> bool:
    """Whether a common table expression of this name is in sight: of an outer query, and defined before."""
    return bool(_cte(table, name))


def as_engine_has_it(table: Any, name: str) -> str:
    """The name of a common table expression as it was defined; the engine tells letters apart (Sail 0.7.2)."""
    return _cte(table, name) or name


def _cte(table: Any, name: str) -> str:
    from sqlglot import exp

    node, inside = table, None
    while node is not None:
        ctes = node.args.get("with_")
        if ctes is not None:
            for cte in ctes.expressions:
                if cte is inside and not ctes.args.get("recursive"):
                    break
                if cte.alias.lower() == name.lower():
                    return str(cte.alias)
        inside = node if isinstance(node, exp.CTE) else inside
        node = node.parent
    return ""
