"""Names in full and functions that tell them, as an engine without the workspace's catalogs takes them."""

from __future__ import annotations

from typing import Any

from brickyard.workspace.compute.gateway.errors import unsupported
from brickyard.workspace.compute.gateway.names import SessionNames
from brickyard.workspace.compute.gateway.sqltext import Edit
from brickyard.workspace.compute.gateway.sugar.constants import string

__all__ = ["BARE", "current", "short"]

#: Begins the names of tables that have no alias.
BARE = ""


def short(column: Any, known: set[tuple[str, ...]]) -> Edit | None:
    """`main.default.t.id` -> `t.id`: after the rewriting a table is known by its last part only."""
    parts = column.parts
    if len(parts) < 3 or any("start" not in part.meta for part in parts):
        return None
    for length in (3, 2):
        name = tuple(part.name.lower() for part in parts[:length])
        if name in known and len(parts) > length:
            if len({one for one in known if one[0] == BARE and one[-1] == name[-1]}) > 1:
                raise unsupported(f"columns of several tables that are called {name[-1]}", "Give each table an alias.")
            return Edit(parts[0].meta["start"], parts[length - 1].meta["start"], "")
    return None


def current(sql: str, tree: Any, names: SessionNames) -> list[Edit]:
    """Sail knows nothing of the workspace's catalogs: answer `current_catalog()` and its kin here."""
    from sqlglot import exp

    values = {exp.CurrentCatalog: names.catalog, exp.CurrentSchema: names.schema, exp.CurrentDatabase: names.schema}
    edits = []
    for function in tree.find_all(*values):
        start, end = function.meta["start"], sql.index(")", function.meta["end"]) + 1
        named = f" AS `{sql[start:end].lower()}`" if isinstance(function.parent, exp.Select) else ""
        edits.append(Edit(start, end, f"{string(values[type(function)])}{named}"))
    return edits
