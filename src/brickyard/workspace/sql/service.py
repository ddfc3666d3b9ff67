"""The SQL service of a workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from brickyard.workspace.sql.config import WarehouseConfig
from brickyard.workspace.sql.overrides import Overrides
from brickyard.workspace.sql.saved import SavedQueries
from brickyard.workspace.sql.sessions import Sessions
from brickyard.workspace.sql.statements import Statements
from brickyard.workspace.sql.visualizations import Visualizations
from brickyard.workspace.sql.warehouses import Warehouses

if TYPE_CHECKING:
    from brickyard.workspace.identity import Principal
    from brickyard.workspace.sql.records import WarehouseRecord
    from brickyard.workspace.workspace import Workspace

__all__ = ["Sql", "build"]


class Sql:
    """What the families of SQL are given.

    Attributes:
        config: What all warehouses have.
        warehouses: What executes statements.
        overrides: Whose default is which warehouse.
        sessions: What statements of connectors share.
        statements: Statements, their results, and what ran before.
        queries: Queries with a name.
        visualizations: How queries are shown.
    """

    def __init__(self, workspace: Workspace) -> None:
        self.config = WarehouseConfig(workspace.identity.settings)
        self.warehouses = Warehouses(workspace, self.config)
        self.overrides = Overrides(workspace.identity.settings, self.warehouses)
        self.sessions = Sessions(self.warehouses)
        self.statements = Statements(workspace, self.warehouses, self.sessions)
        self.queries = SavedQueries(workspace)
        self.visualizations = Visualizations(workspace.store)
        self._permissions = workspace.identity.permissions

    def sight(self, principal: Principal) -> tuple[int, list[str]] | None:
        """Whose statements one sees: the own, and those on warehouses that it watches; none for everybody's."""
        if principal.is_admin:
            return None
        return principal.id, [one.id for one in self.warehouses.all() if self._watches(principal, one)]

    def _watches(self, principal: Principal, warehouse: WarehouseRecord) -> bool:
        """Whether one was granted a level that shows others' statements: CAN_USE, though more than CAN_VIEW, does not.

        Source: https://learn.microsoft.com/en-us/azure/databricks/security/auth/access-control/ (SQL warehouse ACLs)
        """
        granted = self._permissions.grants(warehouse.securable)
        return any(one.principal_id in principal.holders and one.level != "CAN_USE" for one in granted)

    def close(self) -> None:
        """Stop all warehouses."""
        self.warehouses.close()


def build(workspace: Workspace) -> Sql:
    """The SQL service of a workspace."""
    return Sql(workspace)
