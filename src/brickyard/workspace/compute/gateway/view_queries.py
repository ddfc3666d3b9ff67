"""The query of a view: what its names mean, and the tables that it reads."""

from __future__ import annotations

from collections.abc import Mapping

from brickyard.workspace.compute.gateway import feed
from brickyard.workspace.compute.gateway.names import SessionNames, TableName
from brickyard.workspace.compute.gateway.sqltext import Cursor, parse
from brickyard.workspace.compute.gateway.table_nodes import is_cte

__all__ = ["names_inside", "tables_in", "users_own", "where_names_are"]

#: What Spark keeps of a view in its properties begins so; next, the catalog and schema that its names refer to.
INTERNAL = ("view.catalogAndNamespace.", "view.query.out.", "view.schemaMode")
NAMESPACE = INTERNAL[0]


def where_names_are(names: SessionNames) -> dict[str, str]:
    """The properties of a view that is made with these current names."""
    return {f"{NAMESPACE}numParts": "2", f"{NAMESPACE}part.0": names.catalog, f"{NAMESPACE}part.1": names.schema}


def users_own(properties: Mapping[str, str]) -> dict[str, str]:
    """The properties of a view that its maker has given it."""
    return {key: value for key, value in properties.items() if not key.startswith(INTERNAL)}


def names_inside(properties: Mapping[str, str], name: TableName) -> SessionNames:
    """What names mean in a view's query."""
    return SessionNames(
        properties.get(f"{NAMESPACE}part.0", name.catalog), properties.get(f"{NAMESPACE}part.1", name.schema)
    )


def tables_in(definition: str, names: SessionNames) -> frozenset[str]:
    """The full names of the tables and views that a view's query reads.

    Raises:
        SparkError: PARSE_SYNTAX_ERROR.
    """
    from sqlglot import exp

    found = set()
    for table in parse(definition).find_all(exp.Table):
        call = feed.call_of(table, definition)
        if isinstance(table.this, exp.Func) and (call is None or call.by_path):
            continue
        parts = [part.name for part in table.parts] if call is None else Cursor(call.table).name()
        if not (len(parts) == 1 and is_cte(table, parts[0])):
            found.add(names.table(parts).full)
    return frozenset(found)
