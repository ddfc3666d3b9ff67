"""Who may do what with an object of Unity Catalog, for its page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from brickyard.workspace.catalog.principals import holder_name
from brickyard.workspace.catalog.privileges import ObjectKind

if TYPE_CHECKING:
    from brickyard.workspace.identity import Principal
    from brickyard.workspace.workspace import Workspace

__all__ = ["GrantRow", "grant_rows"]


@dataclass(frozen=True)
class GrantRow:
    """What one principal was granted in one place.

    Attributes:
        principal: Its name.
        privileges: The privileges, as SQL writes them.
        source: The object above on which they were granted; empty for the object itself.
    """

    principal: str
    privileges: list[str]
    source: str


def grant_rows(workspace: Workspace, principal: Principal, kind: ObjectKind, full_name: str) -> list[GrantRow]:
    """What is granted on an object, and what it inherits; who does not manage it sees what counts for that caller."""
    access = workspace.catalog.access(principal)
    target = access.object(kind, full_name)
    told = None if access.manages(target) else principal.holders
    rows = []
    for source in reversed(target.path()):
        above = "" if source is target else f"{source.kind.value.lower()} {source.full_name}".strip()
        for one, held in workspace.catalog.grants.on(source).items():
            name = holder_name(workspace.identity.principals, one) if told is None or one in told else None
            if name:
                rows.append(GrantRow(name, [each.replace("_", " ") for each in sorted(held)], above))
    return sorted(rows, key=lambda row: (row.source != "", row.principal))
