"""UPDATE, DELETE and MERGE that mark the rows of a shadow instead of changing those of a table.

The text is one whose names are resolved: the table is a path, with or without an alias.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from brickyard.workspace.compute.gateway.feed.shadow import KIND, OLD
from brickyard.workspace.compute.gateway.names import quote
from brickyard.workspace.compute.gateway.sqltext import Cursor, Edit, splice
from brickyard.workspace.compute.gateway.unparse import string

__all__ = ["Clause", "aim", "clauses", "marked"]


@dataclass(frozen=True)
class Clause:
    """What a MERGE does to rows.

    Args:
        action: UPDATE, INSERT or DELETE.
        token: The number of the token that says so.
        star: Whether it does it with all columns of the source.
    """

    action: str
    token: int
    star: bool


def marked(sql: str, columns: Sequence[str]) -> str:
    """The statement, which notes what it does to a row and what the row was.

    Args:
        sql: It, without `*` in its clauses.
        columns: Those of the table.
    """
    cursor = Cursor(sql)
    what = cursor.peek()
    if what == "DELETE":
        return _marked_delete(cursor)
    if what == "UPDATE":
        _, alias = aim(cursor)
        return splice(sql, [_after(cursor, _position(cursor, "SET"), f" {_updated(columns, alias)},")])
    _, alias = aim(cursor)
    return splice(sql, [edit for clause in clauses(cursor) for edit in _marked(cursor, clause, columns, alias)])


def _marked_delete(cursor: Cursor) -> str:
    """`DELETE FROM t AS a WHERE c` -> `UPDATE t AS a SET kind = 'delete' WHERE c`."""
    aim(cursor)
    start, end = cursor.tokens[0].start, cursor.tokens[1].end + 1
    where = cursor.tokens[cursor.position].start if not cursor.done else len(cursor.sql)
    return splice(cursor.sql, [Edit(start, end, "UPDATE"), Edit(where, where, f" SET {_kind('delete')} ")])


def _marked(cursor: Cursor, clause: Clause, columns: Sequence[str], alias: str) -> Iterator[Edit]:
    token = cursor.tokens[clause.token]
    if clause.action == "DELETE":
        yield Edit(token.start, token.end + 1, f"UPDATE SET {_kind('delete')}")
    elif clause.action == "UPDATE":
        yield _after(cursor, clause.token + 1, f" {_updated(columns, alias)},")
    else:
        yield _after(cursor, clause.token + 1, f"{KIND}, ")
        yield _after(cursor, _values(cursor, clause.token + 1), "'insert', ")


def _values(cursor: Cursor, begin: int) -> int:
    """The bracket after VALUES, which follows a list of columns."""
    return next(n for n in range(begin, len(cursor.tokens)) if cursor.tokens[n].text.upper() == "VALUES") + 1


def _after(cursor: Cursor, token: int, text: str) -> Edit:
    end = cursor.tokens[token].end + 1
    return Edit(end, end, text)


def _kind(name: str) -> str:
    return f"{KIND} = '{name}'"


def _updated(columns: Sequence[str], alias: str) -> str:
    pairs = ", ".join(f"{string(name)}, {quote(*([alias] if alias else []), name)}" for name in columns)
    return f"{_kind('update')}, {OLD} = named_struct({pairs})"


def _position(cursor: Cursor, word: str) -> int:
    return next(n for n in range(cursor.position, len(cursor.tokens)) if cursor.tokens[n].text.upper() == word)


def aim(cursor: Cursor) -> tuple[Edit, str]:
    """Go past the table that a statement changes: the place of its name, to be replaced, and its alias."""
    cursor.next()
    _ = cursor.take("INTO") or cursor.take("FROM")
    start = cursor.tokens[cursor.position].start
    parts = cursor.name()
    end = cursor.tokens[cursor.position - 1].end + 1
    stops = {"SET", "WHERE", "USING", ""}
    named = cursor.take("AS") or cursor.peek() not in stops
    alias = cursor.name()[0] if named else ""
    return Edit(start, end, ".".join(parts)), alias


def clauses(cursor: Cursor) -> Iterator[Clause]:
    """The clauses of a MERGE: the word after each THEN that is not of a CASE, nor in brackets."""
    depth, tokens = 0, cursor.tokens
    for number, token in enumerate(tokens):
        word = "" if token.kind in {"STRING", "IDENTIFIER"} else token.text.upper()
        depth += {"(": 1, ")": -1, "CASE": 1, "END": -1}.get(word, 0)
        following = tokens[number + 1].text.upper() if word == "THEN" and not depth else ""
        if following in {"UPDATE", "INSERT", "DELETE"}:
            ahead = [one.text for one in tokens[number + 2 : number + 4]]
            star = ahead[:1] == ["*"] or ahead == ["SET", "*"] or ahead == ["set", "*"]
            yield Clause(following, number + 1, star)
