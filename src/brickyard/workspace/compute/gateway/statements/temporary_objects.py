"""What lasts must not refer to what ends with a session: temporary views, functions and variables.

Source: https://docs.databricks.com/aws/en/error-messages/invalid-temp-obj-reference-error-class
"""

from __future__ import annotations

from collections.abc import Container
from typing import Any

from brickyard.workspace.compute.gateway.errors import SparkError
from brickyard.workspace.compute.gateway.names import is_global, quote
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.sugar.bindings import QUALIFIERS
from brickyard.workspace.compute.gateway.sugar.calls import calls
from brickyard.workspace.compute.gateway.table_nodes import is_cte

__all__ = ["need_lasting"]


def need_lasting(
    tree: Any, session: Session, kind: str, name: tuple[str, ...], parameters: Container[str] = ()
) -> None:
    """Refuse the query or expression of a permanent view or function that refers to something temporary.

    Args:
        tree: Its tree.
        session: The session that makes it.
        kind: `VIEW` or `FUNCTION`.
        name: Its name.
        parameters: The names of its parameters, in lower case.

    Raises:
        SparkError: INVALID_TEMP_OBJ_REFERENCE.
    """
    from sqlglot import exp

    for table in tree.find_all(exp.Table):
        parts = [part.name for part in table.parts]
        temporary = session.names.is_temporary(parts) and not is_cte(table, parts[0])
        if temporary or is_global(parts):
            raise _refused(kind, name, "VIEW", parts)
    for _, called in calls(tree):
        if len(called) == 1 and (called[0].lower(),) in session.bindings.functions.temporary:
            raise _refused(kind, name, "FUNCTION", called)
    for column in tree.find_all(exp.Column):
        words = tuple(part.name.lower() for part in column.parts)
        alone = (
            len(words) == 1 and words[0] not in parameters and tree.find(exp.Table, exp.Subquery, exp.Lambda) is None
        )
        if (alone or words[:-1] in QUALIFIERS) and words[-1] in session.bindings.variables:
            raise _refused(kind, name, "VARIABLE", words[-1:])


def _refused(kind: str, name: tuple[str, ...], what: str, parts: Any) -> SparkError:
    text = (
        f"Cannot create the persistent object {quote(*name)} of the type {kind} because it references to the temporary "
        f"object {quote(*parts)} of the type {what}. Make {quote(*parts)} persistent, or {quote(*name)} temporary."
    )
    return SparkError("INVALID_TEMP_OBJ_REFERENCE", text, sql_state="42K0F")
