"""What a session gives a name to beside tables: session variables and functions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

from brickyard.workspace.compute.gateway.names import FILE_FORMATS
from brickyard.workspace.compute.gateway.sugar.calls import Find, calls, expand_calls
from brickyard.workspace.compute.gateway.sugar.chains import mark_calls, mark_tables
from brickyard.workspace.compute.gateway.sugar.names import bind
from brickyard.workspace.compute.gateway.sugar.scope import Scope
from brickyard.workspace.compute.gateway.sugar.tree import parse

__all__ = ["Bindings", "Kept", "Variable", "bind_functions", "bind_variables"]

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


@dataclass(frozen=True)
class Kept:
    """The variables and temporary functions that a view has from the session that made it."""

    variables: dict[str, Variable]
    functions: dict[tuple[str, ...], Any]


@dataclass
class Bindings:
    """The names that one session defines; in lower case.

    Args:
        variables: Session variables.
        functions: The `Functions` of the session.
        of_session: The session's variables, where those of a script are among the variables.
    """

    variables: dict[str, Variable] = field(default_factory=dict)
    functions: Any = None
    of_session: dict[str, Variable] | None = None

    def outside(self) -> Bindings:
        """The same without the variables of a script: what a statement sees that a script makes of a string."""
        return self if self.of_session is None else Bindings(self.of_session, self.functions)

    def calls_in(self, tree: Any) -> bool:
        """Whether a statement calls a function that a user has made."""
        return self.functions is not None and any(self.functions.find(parts) for _, parts in calls(tree))

    def inside(self, names: Any, through: tuple[str, ...] = ()) -> Bindings:
        """What a view can use; see `Functions.inside`."""
        return Bindings(functions=self.functions.inside(names, through) if self.functions is not None else None)

    def kept(self, *, follows: bool = False) -> Kept:
        """Variables and temporary functions for a view: as they are now, or (`follows`) as they are each time."""
        functions = {} if self.functions is None else self.functions.temporary
        return Kept(self.variables, functions) if follows else Kept(dict(self.variables), dict(functions))

    def of_view(self, kept: Kept | None, names: Any, *, apart: bool) -> Bindings:
        """What a temporary view can use; see `Functions.of_view`."""
        variables = self.outside().variables if kept is None else kept.variables
        temporary = None if kept is None else kept.functions
        return Bindings(variables, self.functions and self.functions.of_view(names, temporary, apart=apart))

    def for_statement(self) -> Bindings:
        """The same, for one statement."""
        return Bindings(self.variables, self.functions and self.functions.for_statement(), self.of_session)

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
        find = cache(functions.find)
        expand_calls(tree, find, functions.install, scope, _Bodies(functions, find).qualify)


@dataclass(frozen=True)
class _Bodies:
    """Gives the names in the bodies of functions the meaning that they have outside of them."""

    functions: Any
    find: Find

    def qualify(self, body: Any, routine: Any) -> None:
        """Tables and functions in the body of a permanent function are those of its own schema."""
        if len(routine.name) != 3:
            return
        self.functions.check_body(routine)
        above = partial(self.functions.chains.part, chain=routine.through)
        mark_tables(body, routine.name, above, FILE_FORMATS)
        found = []
        for call, parts in calls(body):
            if len(parts) in (2, 3) or (len(parts) == 1 and parts[0].lower() not in self.functions.builtins()):
                full: list[str] = [*list(routine.name)[: 3 - len(parts)], *parts]
                catalog, names = full[0], full[1:]
                if self.find((above(catalog), *names)) is not None:
                    found.append((call, (above(catalog), *names)))
        mark_calls(found)
