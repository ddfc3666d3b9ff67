"""`IDENTIFIER(expression)`: a name that is computed, in any statement."""

from __future__ import annotations

from typing import Any

from brickyard.workspace.compute.gateway.errors import SparkError
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.sqltext import Cursor, Edit, Token, begins_script, splice, tokenize
from brickyard.workspace.compute.gateway.statements import variables

__all__ = ["spell_out"]


def spell_out(sql: str, session: Session) -> str:
    """The statement with names in place of `IDENTIFIER(...)`."""
    if "identifier" not in sql.lower():
        return sql
    tokens = tokenize(sql)
    if tokens and begins_script(tokens[0]):
        return sql  # its variables have no values yet
    edits = []
    for at, token in enumerate(tokens):
        opens = tokens[at + 1] if at + 1 < len(tokens) else None
        if token.text.upper() == "IDENTIFIER" and token.kind == "VAR" and opens is not None and opens.kind == "L_PAREN":
            closes = _closing(tokens, at + 1)
            name = _name(sql[opens.end + 1 : closes.start], session)
            edits.append(Edit(token.start, closes.end + 1, name))
    return splice(sql, edits)


def _closing(tokens: list[Token], at: int) -> Token:
    depth = 0
    for token in tokens[at:]:
        depth += {"L_PAREN": 1, "R_PAREN": -1}.get(token.kind, 0)
        if depth == 0:
            return token
    raise Cursor(tokens[at].text).error("expected )")


def _name(expression: str, session: Session) -> str:
    if Cursor(expression).peek() == "(" and Cursor(expression).peek(1) in {"SELECT", "WITH"}:
        raise SparkError(
            "NOT_A_CONSTANT_STRING.NOT_CONSTANT",
            f"The expression {expression} of IDENTIFIER must be a constant STRING. Use a variable or a literal.",
            sql_state="42601",
        )
    found: Any = variables.evaluate(session, f"SELECT {expression}")
    name = found.column(0)[0].as_py() if found is not None else None
    if not isinstance(name, str):
        raise SparkError(
            "NOT_A_CONSTANT_STRING.NULL" if name is None else "NOT_A_CONSTANT_STRING.WRONG_TYPE",
            f"The expression {expression} of IDENTIFIER must be a constant STRING which is NOT NULL.",
            sql_state="42601",
        )
    cursor = Cursor(name)
    cursor.name()
    cursor.end()
    return name
