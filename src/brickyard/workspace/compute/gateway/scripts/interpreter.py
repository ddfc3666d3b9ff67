"""Executes a script, statement by statement."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import grpc
import pyarrow as pa
from deltalake.exceptions import DeltaError

from brickyard.workspace.compute.gateway import literals
from brickyard.workspace.compute.gateway.errors import SparkError, unsupported
from brickyard.workspace.compute.gateway.operations import current
from brickyard.workspace.compute.gateway.scripts import nodes
from brickyard.workspace.compute.gateway.scripts.errors import bad_variable, scripting
from brickyard.workspace.compute.gateway.scripts.handlers import most_specific
from brickyard.workspace.compute.gateway.scripts.raised import Raised
from brickyard.workspace.compute.gateway.scripts.reader import Reader
from brickyard.workspace.compute.gateway.scripts.scopes import Scope, Scopes
from brickyard.workspace.compute.gateway.scripts.setting import assignments
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.sqltext import Cursor
from brickyard.workspace.compute.gateway.statements import identifiers, variables
from brickyard.workspace.compute.gateway.sugar.bindings import Variable
from brickyard.workspace.compute.gateway.sugar.constants import cell

__all__ = ["run_script"]

Run = Callable[[str, Session], Any]
#: The rows go to the client and back as one message, of at most 128 MiB.
LARGEST_BYTES = 96 << 20
#: What statements raise; errors of the gateway's own go on to its service.
CAUGHT = (SparkError, grpc.RpcError, DeltaError, OSError)


class _Leave(Exception):
    """LEAVE and ITERATE, on the way to their label."""

    def __init__(self, label: str, *, leaves: bool) -> None:
        super().__init__(label)
        self.label, self.leaves = label, leaves


class _Exit(Exception):
    """A handler has done its work: its block has ended."""

    def __init__(self, scope: Scope) -> None:
        super().__init__()
        self.scope = scope


def run_script(sql: str, session: Session, run: Run, check_word: Callable[[str], None]) -> Any:
    """Run a script; the rows of its last query as a relation.

    Args:
        sql: The script.
        session: The session.
        run: Runs one statement; see `statements.run`.
        check_word: Raises an error for a word that begins no statement.
    """
    if session.analyses:
        return literals.empty()
    block = Reader(sql, check_word).script()
    script = _Script(session, run)
    script.execute(block)
    return script.answer()


class _Script:
    def __init__(self, session: Session, run: Run) -> None:
        self._session, self._run = session, run
        self._scopes = Scopes(session, [])
        self._handled: list[Raised] = []
        self._result: pa.Table | None = None

    def answer(self) -> Any:
        """The rows of the last query."""
        if self._result is None:
            return literals.empty()
        if self._result.nbytes > LARGEST_BYTES:
            what = f"a script whose last query gives more than {LARGEST_BYTES >> 20} MiB"
            raise unsupported(what, "Have the script write a table, and read that.")
        return literals.table(self._result)

    def execute(self, node: nodes.Node) -> None:
        """Execute a statement; an error goes to the handler that is the nearest."""
        call = current()
        if call is not None:
            call.operation.check()
        try:
            getattr(self, f"_{type(node).__name__.lower()}")(node)
        except CAUGHT as exc:
            if call is not None:
                call.operation.check()
            self._handle(Raised(exc, node.line, self._session.sail.capabilities))

    def _all(self, body: tuple[nodes.Node, ...]) -> None:
        for node in body:
            self.execute(node)

    def _handle(self, raised: Raised) -> None:
        """Execute the handler of an error: what is around its block handles the handler's own errors."""
        around = self._scopes.around
        for depth in range(len(around) - 1, -1, -1):
            scope = around[depth]
            handler = most_specific(scope.handlers, raised.condition, raised.state)
            if handler is None:
                continue
            kept_handlers, scope.handlers = scope.handlers, ()
            self._scopes.around = around[: depth + 1]
            self._handled.append(raised)
            try:
                self.execute(handler.body)
            finally:
                self._handled.pop()
                self._scopes.around, scope.handlers = around, kept_handlers
            if handler.exits:
                raise _Exit(scope)
            return
        raise raised.error

    @contextmanager
    def _inside(self, scope: Scope) -> Iterator[None]:
        around = self._scopes.around
        self._scopes.around = [*around, scope]
        try:
            yield
        except _Exit as end:
            if end.scope is not scope:
                raise
        finally:
            self._scopes.around = around

    def _block(self, block: nodes.Block) -> None:
        scope = Scope(block.label, conditions=block.conditions)
        try:
            with self._inside(scope):
                for declaration in block.declarations:
                    self._declaration(declaration)
                scope.handlers = block.handlers
                self._all(block.body)
        except _Leave as jump:
            if not block.label or jump.label != block.label:
                raise

    def _declaration(self, node: nodes.Declaration) -> None:
        scope = self._scopes.around[-1]
        cursor = Cursor(node.text)
        cursor.expect("DECLARE")
        names, variable = variables.read_declaration(cursor, self._scopes.inside(node.text))
        for name in names:
            if name in scope.variables:
                raise variables.already_declared(*self._scopes.parts_of(name))
            if name in {"session", "system"}:
                raise bad_variable("QUALIFIED_LOCAL_VARIABLE", name, "has the name of a schema or catalog.")
            scope.variables[name] = Variable(variable.kind, variable.value, variable.default)

    def _single(self, node: nodes.Single) -> None:
        session = self._scopes.inside(node.text)
        found = assignments(node.text)
        if found is not None:
            found.run(session, self._scopes)
            return
        before = dict(session.bindings.variables)
        text = identifiers.spell_out(node.text, session)
        answer = self._run(text, session)
        self._scopes.keep(before, session.bindings.variables)
        if answer is None:
            self._result = session.rows(session.relation(text))
        elif answer.HasField("sql") and Cursor(text).peek() != "SHOW":  # of a string, or TABLE
            outside = self._session.for_statement(answer)
            self._result = outside.rows(outside.relation(answer.sql.query))

    def _value(self, expression: str) -> pa.Table:
        session = self._scopes.inside(expression)
        return session.rows(session.relation(f"SELECT {identifiers.spell_out(expression, session)}"))

    def _is_true(self, condition: str) -> bool:
        found = self._value(condition)
        if found.num_columns != 1 or not pa.types.is_boolean(found.schema.field(0).type):
            text = f"Boolean statement is expected in the condition, but {condition} was found."
            raise scripting("INVALID_BOOLEAN_STATEMENT", text, "22546")
        return found.num_rows > 0 and found.column(0)[0].as_py() is True

    def _if(self, node: nodes.If) -> None:
        for branch in node.branches:
            if self._is_true(branch.condition):
                self._all(branch.body)
                return
        self._all(node.otherwise)

    def _case(self, node: nodes.Case) -> None:
        subject = f"({cell(self._value(node.subject))})"
        for branch in node.branches:
            if self._is_true(f"{subject} = ({branch.condition})"):
                self._all(branch.body)
                return
        self._all(node.otherwise)

    def _loop(self, node: nodes.Loop) -> None:
        while (not node.before or self._is_true(node.before)) and self._pass(node.label, node.body):
            if node.after and self._is_true(node.after):
                return

    def _pass(self, label: str, body: tuple[nodes.Node, ...]) -> bool:
        """One pass of a loop; whether it goes on."""
        try:
            self._all(body)
        except _Leave as jump:
            if not label or jump.label != label:
                raise
            return not jump.leaves
        return True

    def _for(self, node: nodes.For) -> None:
        session = self._scopes.inside(node.query)
        relation = session.relation(identifiers.spell_out(node.query, session))
        kinds = session.fields(relation)
        rows = session.rows(relation)
        for at in range(rows.num_rows):
            row = rows.slice(at, 1)
            values = {name.lower(): (kind, cell(row, place)) for place, (name, kind) in enumerate(kinds)}
            columns = {name: Variable(kind, value, value) for name, (kind, value) in values.items()}
            with self._inside(Scope(node.variable, columns)):
                goes_on = self._pass(node.label, node.body)
            if not goes_on:
                return

    def _jump(self, node: nodes.Jump) -> None:
        raise _Leave(node.label, leaves=node.leaves)

    def _signal(self, node: nodes.Signal) -> None:
        if not (node.condition or node.state):
            raise self._current("RESIGNAL").error
        state = node.state or self._scopes.state_of(node.condition)
        if node.condition == "USER_RAISED_EXCEPTION":
            state = "P0001"
        if state is None:
            raise unsupported(f"SIGNAL {node.condition}", "Declare the condition, or use SIGNAL SQLSTATE '45000'.")
        text = node.text or (f"({node.arguments})['MESSAGE_TEXT']" if node.arguments else "''")
        message = str(self._value(text).column(0)[0].as_py() or "")
        raise scripting(node.condition or "USER_RAISED_EXCEPTION", message, state)

    def _current(self, word: str) -> Raised:
        if not self._handled:
            raise scripting("RESIGNAL_WHEN_HANDLER_NOT_ACTIVE", f"{word} when the handler is not active.", "0K000")
        return self._handled[-1]

    def _diagnose(self, node: nodes.Diagnose) -> None:
        raised = self._current("GET DIAGNOSTICS")
        for parts, item in node.items:
            owner, name = self._scopes.find(parts)
            kind = owner[name].kind
            owner[name] = Variable(kind, cell(self._value(f"CAST({raised.item(item)} AS {kind})")), owner[name].default)
