"""What a session gives a name to beside tables: session variables and functions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from brickyard.workspace.compute.gateway.sugar.builtins import rewrite_builtins
from brickyard.workspace.compute.gateway.sugar.calls import calls, expand_calls
from brickyard.workspace.compute.gateway.sugar.names import bind
from brickyard.workspace.compute.gateway.sugar.scope import Scope
from brickyard.workspace.compute.gateway.sugar.tree import parse, touch

__all__ = ["Bindings", "Variable", "bind_functions", "bind_variables"]

#: What may stand before the name of a variable.
QUALIFIERS = frozenset({("session",), ("system", "session")})


@dataclass(frozen=True)
class Variable:
    """A session variable.

    Args:
        kind: Its type, as SQL.
        value: Its value, as an expression of constants.
        default: The value that it gets by `SET VAR x = DEFAULT`.
    """

    kind: str
    value: str
    default: str

    @property
    def expression(self) -> str:
        """The value in its type."""
        return f"CAST({self.value} AS {self.kind})"


@dataclass
class Bindings:
    """The names that one session defines; in lower case.

    Args:
        variables: Session variables.
        functions: The `Functions` of the session.
    """

    variables: dict[str, Variable] = field(default_factory=dict)
    functions: Any = None

    def calls_in(self, tree: Any) -> bool:
        """Whether a statement calls a function that a user has made."""
        return self.functions is not None and any(self.functions.find(parts) for _, parts in calls(tree))

    def inside(self, names: Any) -> Bindings:
        """What a view can use."""
        return Bindings(functions=self.functions.inside(names) if self.functions is not None else None)

    @property
    def words(self) -> frozenset[str]:
        """Words that ask for a rewriting."""
        return frozenset(self.variables)


def bind_variables(tree: Any, variables: Mapping[str, Variable], scope: Scope) -> None:
    """Replace variables by their values, where no column has the name."""
    from sqlglot import exp

    used = {column.parts[-1].name.lower() for column in tree.find_all(exp.Column)} | {
        part.name.lower() for column in tree.find_all(exp.Column) for part in column.parts
    }
    values = {name: parse(f"SELECT {one.expression}").expressions[0] for name, one in variables.items() if name in used}
    if values:
        bind(tree, values, scope, QUALIFIERS)


def bind_functions(tree: Any, functions: Any, scope: Scope) -> None:
    """Replace calls of users' functions by their bodies."""
    if functions is not None:
        expand_calls(tree, cache(functions.find), functions.install, scope, _qualify)
        rewrite_builtins(tree, functions.fact, functions.registered, scope)


def _qualify(body: Any, routine: Any) -> None:
    """Tables in the body of a permanent function are those of its own schema."""
    from sqlglot import exp

    if len(routine.name) != 3:
        return
    ctes = {cte.alias.lower() for cte in body.find_all(exp.CTE)}
    for table in list(body.find_all(exp.Table)):
        if not isinstance(table.this, exp.Identifier) or table.args.get("catalog"):
            continue
        if table.args.get("db") is None:
            if table.name.lower() in ctes:
                continue
            if not table.alias:
                table.set("alias", exp.TableAlias(this=exp.to_identifier(table.name, quoted=True)))
            table.set("db", exp.to_identifier(routine.name[1], quoted=True))
        table.set("catalog", exp.to_identifier(routine.name[0], quoted=True))
        touch(table)
