"""What views and functions use: each table and function with the rights of their owner, as their user needs none on it.

Only this workspace's own engines ask this; on Databricks it happens inside the service. Source of the rule:
https://docs.databricks.com/views/ ("a user who queries a view needs no privileges on the tables that it reads") and
https://learn.microsoft.com/azure/databricks/sql/language-manual/sql-ref-authorized-user (functions too).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from brickyard.workspace.api.base import Call, Family
from brickyard.workspace.api.errors import InvalidParameterValue, PermissionDenied
from brickyard.workspace.api.unity import functions, tables
from brickyard.workspace.api.unity.guards import caller
from brickyard.workspace.catalog import FunctionRecord, TableRecord
from brickyard.workspace.catalog.definers import DEFINER
from brickyard.workspace.catalog.hive import in_hive
from brickyard.workspace.catalog.policies import Policies
from brickyard.workspace.catalog.principals import owner_principal
from brickyard.workspace.catalog.privileges import ObjectKind
from brickyard.workspace.workspace import Workspace

if TYPE_CHECKING:
    from databricks.sdk.service.catalog import FunctionInfo, TableInfo

    from brickyard.workspace.compute.gateway.names import SessionNames
    from brickyard.workspace.identity import Principal

__all__ = ["declare"]

_DEEPEST = 100  # views inside each other, as on Databricks


@dataclass(frozen=True)
class _Step:
    """A table, view or function on the way, by its full name in lower case."""

    name: str
    kind: ObjectKind

    @staticmethod
    def of(text: str) -> _Step:
        """Read `main.s.v`, or `main.s.f()` for a function."""
        name = text.lower().removesuffix("()")
        return _Step(name, ObjectKind.TABLE if name == text.lower() else ObjectKind.FUNCTION)

    @property
    def privilege(self) -> str:
        """What its use needs."""
        return "SELECT" if self.kind is ObjectKind.TABLE else "EXECUTE"

    @property
    def label(self) -> str:
        """What it is called where it uses something."""
        return f"{'View' if self.kind is ObjectKind.TABLE else 'Function'} '{self.name}'"

    def record(self, workspace: Workspace) -> TableRecord | FunctionRecord:
        """What the catalog knows of it."""
        catalog = workspace.catalog
        return catalog.table(self.name) if self.kind is ObjectKind.TABLE else catalog.functions.get(self.name)


def declare(family: Family) -> None:
    """Add this call to the family."""
    family.call("POST", "/api/2.1/unity-catalog/view-reads", access=_reads_through, changes=False)(get)


def get(workspace: Workspace, call: Call) -> TableInfo | FunctionInfo:
    """The table, view or function that is used."""
    record = _steps(call)[-1].record(workspace)
    if isinstance(record, TableRecord):
        return tables.described(workspace, call, record)
    return functions.described(workspace, record)


def _reads_through(workspace: Workspace, call: Call) -> None:
    """Whoever may use the first one, if each uses the next and its owner may do that."""
    steps = _steps(call)
    if not call.principal.is_admin:
        caller(workspace, call).require(steps[0].kind, steps[0].name, steps[0].privilege)
    for outer, inner in itertools.pairwise(steps):
        record = outer.record(workspace)
        if inner not in _used(workspace, record):
            raise PermissionDenied(f"{outer.label} does not use '{inner.name}'.")
        for principal in _on_behalf(workspace, call, outer, record):
            _require_of(workspace, principal, outer, inner)


def _on_behalf(workspace: Workspace, call: Call, outer: _Step, record: TableRecord | FunctionRecord) -> list[Principal]:
    """Who must be allowed what a view or function does: its owner, and who defined it before it was given away."""
    if in_hive(record.full_name):  # anybody may change what is there, so that its owner's rights would be everybody's
        return [call.principal]
    if isinstance(record, TableRecord) and record.table_type != "VIEW":
        return []  # who set a row filter or mask was asked then
    found = []
    for name in (record.owner, workspace.catalog.attributes.of(record.id).get(DEFINER)):
        if name is not None:
            principal = owner_principal(workspace.identity.principals, name)
            if principal is None:
                raise PermissionDenied(f"'{name}', with whose rights {outer.label} is used, does not exist any more.")
            found.append(principal)
    return found


def _require_of(workspace: Workspace, principal: Principal, outer: _Step, inner: _Step) -> None:
    if principal.is_admin:
        return
    try:
        workspace.catalog.access(principal).require(inner.kind, inner.name, inner.privilege)
    except PermissionDenied as error:
        raise PermissionDenied(f"{outer.label} is used as its owner '{principal.user_name}': {error}") from error


def _steps(call: Call) -> list[_Step]:
    views, name = call.body.get("views"), call.body.get("name")
    names = [*views, name] if isinstance(views, list) else []
    if not 2 <= len(names) <= _DEEPEST or not all(isinstance(one, str) for one in names):
        raise InvalidParameterValue("views must be a list of names, outermost first, and name the one that is read")
    return [_Step.of(one) for one in names]


def _used(workspace: Workspace, record: TableRecord | FunctionRecord) -> frozenset[_Step]:
    """The tables and functions in the text of a view or of a function in SQL; of a table, those that guard it."""
    from brickyard.workspace.compute.gateway.names import SessionNames, TableName
    from brickyard.workspace.compute.gateway.view_queries import names_inside

    name = TableName(*record.full_name.split("."))
    if isinstance(record, TableRecord) and record.table_type != "VIEW":
        found = Policies.of(workspace.catalog.attributes.of(record.id)).functions
        return frozenset(_Step(one, ObjectKind.FUNCTION) for one in found)
    if isinstance(record, TableRecord):
        return _in_text(record.view_definition or "", names_inside(record.properties or {}, name))
    body = str(record.definition.get("routine_definition") or "")
    if str(record.definition.get("external_language") or "SQL").upper() != "SQL":
        return frozenset()
    return _in_text(body, SessionNames(name.catalog, name.schema))


def _in_text(text: str, names: SessionNames) -> frozenset[_Step]:
    """The tables and functions in a query or an expression."""
    from brickyard.workspace.compute.gateway.errors import SparkError
    from brickyard.workspace.compute.gateway.sugar.calls import calls, is_query
    from brickyard.workspace.compute.gateway.sugar.tree import parse
    from brickyard.workspace.compute.gateway.view_queries import tables_in

    if not text.strip():
        return frozenset()
    query = text if is_query(text) else f"SELECT {text}"
    try:
        called = [parts for _, parts in calls(parse(query)) if 1 <= len(parts) <= 3]
        functions_used = {names.table([part.lower() for part in parts]).full for parts in called}
        tables_read = tables_in(query, names)
    except SparkError as error:
        raise InvalidParameterValue(f"What is used cannot be told: {error}") from error
    used = [(ObjectKind.TABLE, tables_read), (ObjectKind.FUNCTION, functions_used)]
    return frozenset(_Step(name, kind) for kind, found in used for name in found)
