"""The declarations at the beginning of a block, and which handler an error goes to."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from brickyard.workspace.compute.gateway.errors import ANALYSIS, unsupported
from brickyard.workspace.compute.gateway.scripts import nodes
from brickyard.workspace.compute.gateway.scripts.errors import bad_handler, bad_variable, check_state, scripting
from brickyard.workspace.compute.gateway.sqltext import Cursor

__all__ = ["Declarations", "most_specific"]

#: The SQLSTATE of a condition that is declared without one.
DECLARED = "45000"


class Declarations:
    """Reads the declarations of one block.

    Args:
        cursor: Stands before DECLARE.
        statement: Reads what a handler does.
    """

    def __init__(self, cursor: Cursor, statement: Callable[[], nodes.Node]) -> None:
        self._cursor, self._statement = cursor, statement
        self.variables: list[nodes.Declaration] = []
        self.conditions: dict[str, str] = {}
        self.handlers: list[nodes.Handler] = []

    def read(self, *, after_statements: bool) -> None:
        """Read one declaration, without the semicolon."""
        cursor = self._cursor
        if cursor.peek(2) == "HANDLER":
            if after_statements:
                why = "Handlers must be declared after variable/condition/cursor declarations, and before statements."
                raise bad_handler("WRONG_PLACE_OF_DECLARATION", why)
            self._handler()
        elif cursor.peek(2) == "CONDITION":
            self._condition(late=after_statements or bool(self.handlers))
        elif "CURSOR" in (cursor.peek(2), cursor.peek(3)):
            raise unsupported("cursors in scripts", "Use FOR ... DO.")
        else:
            self._variable(late=after_statements or bool(self.handlers))

    def _variable(self, *, late: bool) -> None:
        cursor, start = self._cursor, self._cursor.position
        line = cursor.next().line
        replaces = cursor.take("OR", "REPLACE")
        if cursor.peek() in {"VARIABLE", "VAR"} and cursor.peek(1) not in {"DEFAULT", "=", ";"}:
            cursor.next()
        name = ".".join(cursor.name())
        if replaces:
            why = "does not support DECLARE OR REPLACE, as local variables cannot be replaced."
            raise bad_variable("REPLACE_LOCAL_VARIABLE", name, why, ANALYSIS)
        if "." in name:
            raise bad_variable("QUALIFIED_LOCAL_VARIABLE", name, "must be declared without a qualifier.")
        if late:
            why = "can only be declared at the beginning of the compound."
            raise bad_variable("ONLY_AT_BEGINNING", name, why)
        while cursor.peek() not in {";", ""}:
            cursor.next()
        self.variables.append(nodes.Declaration(line, cursor.since(start)))

    def _condition(self, *, late: bool) -> None:
        cursor = self._cursor
        cursor.next()
        name = cursor.name()[0].upper()
        cursor.expect("CONDITION")
        state = self._state() if cursor.take("FOR", "SQLSTATE") else DECLARED
        if late:
            text = f"Condition {name} can only be declared at the beginning of the compound."
            raise scripting("INVALID_ERROR_CONDITION_DECLARATION.ONLY_AT_BEGINNING", text, "42K0R")
        if name in self.conditions:
            text = f"Found duplicate condition `{name}` in the scope. Please, remove one of them."
            raise scripting("DUPLICATE_CONDITION_IN_SCOPE", text, "42734")
        self.conditions[name] = state

    def _state(self) -> str:
        self._cursor.take("VALUE")
        return check_state(self._cursor.string())

    def _handler(self) -> None:
        cursor = self._cursor
        cursor.next()
        exits = cursor.take("EXIT")
        if not exits:
            cursor.expect("CONTINUE")
        cursor.expect("HANDLER", "FOR")
        found: dict[str, set[str]] = {"conditions": set(), "states": set(), "classes": set()}
        while True:
            self._value(found)
            if not cursor.take(","):
                break
        conditions, states, classes = (frozenset(one) for one in found.values())
        self.handlers.append(nodes.Handler(exits, conditions, states, classes, self._statement()))

    def _value(self, found: dict[str, set[str]]) -> None:
        cursor = self._cursor
        if cursor.take("SQLSTATE"):
            kind, value = "states", self._state()
        elif cursor.take("NOT", "FOUND"):
            kind, value = "classes", "NOT FOUND"
        elif cursor.take("SQLEXCEPTION"):
            kind, value = "classes", "SQLEXCEPTION"
        else:
            kind, value = "conditions", ".".join(cursor.name()).upper()
        earlier: Iterable[str] = [one for handler in self.handlers for one in getattr(handler, kind)]
        if value in found[kind] or value in earlier:
            what = "SQLSTATE" if kind == "states" else "CONDITION"
            text = f"Found duplicate handlers for the same {what.lower()} `{value}`. Please, remove one of them."
            raise scripting(f"DUPLICATE_EXCEPTION_HANDLER.{what}", text, "42734")
        found[kind].add(value)


def most_specific(handlers: Iterable[nodes.Handler], condition: str, state: str) -> nodes.Handler | None:
    """The handler of one block for an error; a name goes before a SQLSTATE, and that before a class."""
    condition = condition.upper()
    names = {condition, condition.partition(".")[0]}
    kind = "NOT FOUND" if state.startswith("02") else "SQLEXCEPTION"
    for one in handlers:
        if condition in one.conditions:
            return one
    for one in handlers:
        if names & one.conditions:
            return one
    for one in handlers:
        if state and state in one.states:
            return one
    return next((one for one in handlers if kind in one.classes and not state.startswith("XX")), None)
