"""What a session gives a name to beside tables: session variables and functions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from brickyard.workspace.compute.gateway.sugar.names import bind
from brickyard.workspace.compute.gateway.sugar.scope import Scope
from brickyard.workspace.compute.gateway.sugar.tree import parse

__all__ = ["Bindings", "Variable", "bind_variables"]

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
    """The names that one session defines; in lower case."""

    variables: dict[str, Variable] = field(default_factory=dict)

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
