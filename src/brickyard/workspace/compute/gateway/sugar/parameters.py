"""Parameter markers: `:name` and `?` become the values that came with the statement."""

from __future__ import annotations

import re
from typing import Any

from pyspark.sql.connect.proto import relations_pb2

from brickyard.workspace.compute.gateway.errors import SparkError, parse_error
from brickyard.workspace.compute.gateway.intervals import UNITS
from brickyard.workspace.compute.gateway.sqltext import Edit, Token, splice, tokenize
from brickyard.workspace.compute.gateway.sugar.constants import argument
from brickyard.workspace.compute.gateway.sugar.needs import BASES

__all__ = ["bind_markers", "inline", "markers"]

#: What can stand before the unit of an interval: a number, with brackets where it is negative, or a text.
COUNT = re.compile(r"[0-9]+|\((-[0-9]+)\)|'.*'", re.DOTALL)


def inline(relation: relations_pb2.Relation) -> None:
    """Put the arguments of SQL into its text, as Spark does before it parses; the relation is changed.

    Raises:
        SparkError: UNBOUND_SQL_PARAMETER, or an argument that is no constant.
    """
    sql = relation.with_relations.root.sql if relation.HasField("with_relations") else relation.sql
    if ":" not in sql.query and "?" not in sql.query:
        _clear(sql)
        return
    named = {name: argument(value) for name, value in [*sql.args.items(), *sql.named_arguments.items()]}
    sql.query = bind_markers(sql.query, named, [argument(value) for value in [*sql.pos_args, *sql.pos_arguments]])
    _clear(sql)


def _clear(sql: Any) -> None:
    for field in ("args", "pos_args", "named_arguments", "pos_arguments"):
        sql.ClearField(field)


def bind_markers(sql: str, named: dict[str, str], positional: list[str]) -> str:
    """The statement with values in place of markers.

    Args:
        sql: The statement.
        named: Expressions by name.
        positional: Expressions by position.
    """
    tokens = tokenize(sql)
    edits, used = [], 0
    for at, token in enumerate(tokens):
        name = _named(tokens, at)
        if name is not None:
            if name.text not in named:
                raise _unbound(name.text)
            edits.append(Edit(token.start, name.end + 1, _where_it_stands(tokens, at, at + 2, named[name.text])))
        elif token.kind == "PLACEHOLDER":
            if used >= len(positional):
                raise _unbound(f"_{token.start}")
            edits.append(Edit(token.start, token.end + 1, _where_it_stands(tokens, at, at + 1, positional[used])))
            used += 1
    return splice(sql, edits)


def markers(sql: str) -> tuple[bool, bool]:
    """Whether a statement has markers by name, and by position."""
    tokens = tokenize(sql)
    named = any(_named(tokens, at) is not None for at in range(len(tokens)))
    return named, any(token.kind == "PLACEHOLDER" for token in tokens)


def _where_it_stands(tokens: list[Token], at: int, after: int, value: str) -> str:
    """The value of a marker; before the unit of an interval (`INTERVAL :n DAY`), a literal without brackets.

    Raises:
        SparkError: PARSE_SYNTAX_ERROR: it is no literal that an interval can have there.
    """
    signed = at > 0 and tokens[at - 1].kind in {"DASH", "PLUS"}
    before = tokens[at - 1 - signed].text.upper() if at > signed else ""
    if not _is_unit(tokens[after : after + 1]) or not (
        before == "INTERVAL" or (_is_unit(tokens[at - 1 : at]) and not signed)
    ):
        return value
    count = COUNT.fullmatch(value)
    if count is None or (signed and count[1]):
        raise parse_error(f"Syntax error at or near '{value}': before its unit, an interval has an INT or a STRING.")
    return count[1] or value


def _is_unit(tokens: list[Token]) -> bool:
    return any(one.text.lower().removesuffix("s") in UNITS and not one.is_quoted for one in tokens)


def _named(tokens: list[Token], at: int) -> Token | None:
    """The name of the marker `:name` at a token."""
    token = tokens[at]
    if token.kind != "COLON" or at + 1 == len(tokens):
        return None
    name = tokens[at + 1]
    if name.start != token.end + 1 or not (name.text[:1].isalpha() or name.text[:1] == "_") or name.kind == "STRING":
        return None
    return None if at and _touches(tokens[at - 1], token) else name


def _touches(before: Token, colon: Token) -> bool:
    """`a:b` and `struct<a:int>` are no markers: the colon stands right after what it belongs to."""
    wordy = before.kind in BASES or before.text[-1:].isalnum() or before.text[-1:] == "_"
    return wordy and before.end + 1 == colon.start


def _unbound(name: str) -> SparkError:
    return SparkError(
        "UNBOUND_SQL_PARAMETER",
        f"Found the unbound parameter: {name}. Please, fix `args` and give the parameter either a SQL "
        "literal or collection constructor functions such as `map()`, `array()`, `struct()`.",
        sql_state="42P02",
    )
