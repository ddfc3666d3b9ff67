"""`SET` in a script: it gives variables values, with or without the word VARIABLE."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from brickyard.workspace.compute.gateway.scripts.scopes import Scopes
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.sqltext import Cursor
from brickyard.workspace.compute.gateway.statements import identifiers, variables
from brickyard.workspace.compute.gateway.sugar.bindings import Variable
from brickyard.workspace.compute.gateway.sugar.constants import cell

__all__ = ["Assignments", "assignments"]

#: What SET is followed by where it is about something else.
OTHERS = frozenset({"TIME", "CATALOG", "TAG"})
Name = tuple[str, ...]


@dataclass(frozen=True)
class Assignments:
    """Variables and what they get: an expression each, or a query for all."""

    names: tuple[Name, ...]
    values: tuple[str, ...] = ()
    query: str | None = None

    def run(self, session: Session, scopes: Scopes) -> None:
        """Compute all values, then set the variables."""
        variables.need_unique(self.names)
        targets = [scopes.find(name) for name in self.names]
        if self.query is not None:
            table: Any = variables.evaluate(session, identifiers.spell_out(self.query, session))
            variables.check_arity(self.names, table)
            values = [cell(table, at) for at in range(len(targets))]
        else:
            defaults = [owner[name].default for owner, name in targets]
            given = zip(self.values, defaults, strict=True)
            values = [default if value.upper() == "DEFAULT" else value for value, default in given]
        kinds = [owner[name].kind for owner, name in targets]
        pairs = enumerate(zip(values, kinds, strict=True))
        casts = ", ".join(f"CAST(({value}) AS {kind}) AS c{at}" for at, (value, kind) in pairs)
        found = variables.evaluate(session, identifiers.spell_out(f"SELECT {casts}", session))
        for at, (owner, name) in enumerate(targets):
            owner[name] = Variable(owner[name].kind, cell(found, at), owner[name].default)


def assignments(text: str) -> Assignments | None:
    """What a statement assigns; None if it is no SET of variables."""
    cursor = Cursor(text)
    if not cursor.take("SET") or (cursor.peek() in OTHERS and cursor.peek(1) != "="):
        return None
    _ = cursor.take("VARIABLE") or cursor.take("VAR")
    names, values, query = variables.read_assignments(cursor, _name)
    return Assignments(tuple(names), tuple(values), query)


def _name(cursor: Cursor) -> Name:
    return tuple(part.lower() for part in cursor.name())
