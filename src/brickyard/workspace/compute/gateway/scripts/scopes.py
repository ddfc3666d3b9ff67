"""The names that statements of a script see: variables of its blocks, rows of FOR, and the session's variables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from brickyard.workspace.compute.gateway.errors import unsupported
from brickyard.workspace.compute.gateway.scripts import nodes
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.sqltext import tokenize
from brickyard.workspace.compute.gateway.statements.variables import unresolved
from brickyard.workspace.compute.gateway.sugar.bindings import Variable
from brickyard.workspace.compute.gateway.sugar.constants import string

__all__ = ["Scope", "Scopes"]

Variables = dict[str, Variable]


class _Row(Variable):
    """Several variables under one name: those of a block with a label, the columns of a row."""

    @property
    def expression(self) -> str:
        return self.value


def _row(variables: Variables) -> Variable:
    fields = ", ".join(f"{string(name)}, {one.expression}" for name, one in variables.items())
    return _Row("", f"named_struct({fields})", "")


@dataclass
class Scope:
    """A block that is being executed, or a pass of FOR.

    Attributes:
        label: Its label, or the variable of FOR; may be empty.
        handlers: Those of its handlers that are declared so far.
    """

    label: str = ""
    variables: Variables = field(default_factory=dict)
    conditions: dict[str, str] = field(default_factory=dict)
    handlers: tuple[nodes.Handler, ...] = ()


class Scopes:
    """The scopes around a statement, outermost first.

    Args:
        session: The session; its variables are around all.
        around: The scopes.
    """

    def __init__(self, session: Session, around: list[Scope]) -> None:
        self._session, self.around = session, around

    @property
    def _of_session(self) -> Variables:
        return self._session.bindings.variables

    def inside(self, text: str) -> Session:
        """The session as a statement of the script sees it."""
        session = self._session.for_statement(self._session.with_text(text))
        visible = self._visible()
        self._check(text, visible)
        session.bindings = type(session.bindings)(visible, session.bindings.functions, self._of_session)
        return session

    def _visible(self) -> Variables:
        found = dict(self._of_session)
        for scope in self.around:
            if scope.label and scope.variables:
                found[scope.label] = _row(scope.variables)
            found.update(scope.variables)
        return found

    def _check(self, text: str, visible: Variables) -> None:
        """`session.x` means the session's variable, which one of a block hides here."""
        tokens = tokenize(text)
        for word, name in zip(tokens, tokens[2:], strict=False):
            hidden = visible.get(name.text.lower()) is not self._of_session.get(name.text.lower())
            if word.text.lower() == "session" and hidden and text[word.end + 1 : name.start].strip() == ".":
                what = f"session.{name.text} where a variable of the script has the same name"
                raise unsupported(what, "Give one of them another name.")

    def keep(self, before: Variables, after: Variables) -> None:
        """Note what a statement has done to variables."""
        for name in before.keys() | after.keys():
            if before.get(name) is after.get(name):
                continue
            owner = next((scope.variables for scope in reversed(self.around) if name in scope.variables), None)
            if name in after:
                (self._of_session if owner is None else owner)[name] = after[name]
            elif owner is None:
                self._of_session.pop(name, None)
            else:
                raise unsupported("DROP of a variable of the script", "Leave it out: it ends with its block.")

    def find(self, parts: tuple[str, ...]) -> tuple[Variables, str]:
        """Where a variable is that is to get a value, and its name there.

        Raises:
            SparkError: UNRESOLVED_VARIABLE.
        """
        for variables in self._places(parts[:-1]):
            if parts[-1] in variables:
                return variables, parts[-1]
        raise unresolved(".".join(parts))

    def _places(self, qualifier: tuple[str, ...]) -> Iterator[Variables]:
        for scope in reversed(self.around):
            if not qualifier or qualifier == (scope.label,):
                yield scope.variables
        if qualifier in ((), ("session",), ("system", "session")):
            yield self._of_session

    def state_of(self, condition: str) -> str | None:
        """The SQLSTATE of a condition that a block around has declared."""
        found = [scope.conditions[condition] for scope in self.around if condition in scope.conditions]
        return found[-1] if found else None

    def parts_of(self, name: str) -> tuple[str, str]:
        """The name of a variable of the innermost block, as messages have it."""
        return self.around[-1].label or "local", name
