"""Files in SQL: ``csv.`path```, `read_files('path', ...)`, and the column `_metadata` that they have besides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from brickyard.workspace.compute.gateway.errors import SparkError, unsupported
from brickyard.workspace.compute.gateway.names import quote
from brickyard.workspace.compute.gateway.sqltext import Edit, parse, splice, tokenize
from brickyard.workspace.compute.gateway.table import Table

__all__ = ["FILE_NAME", "FILE_PATH", "METADATA", "FileCall", "asks_for_metadata", "call_of", "without_hidden"]

METADATA = "_metadata"
#: A function that says the path of the file that a row is from, and what it is here: local files have three slashes.
FILE_NAME, FILE_PATH = "input_file_name", f"regexp_replace({METADATA}.file_path, '^file:/', 'file:///')"


@dataclass(frozen=True)
class FileCall:
    """Files that a query reads.

    Attributes:
        path: Where they are.
        kind: Their format, in lower case; empty if it is to be told from their names.
        options: Options of the reader, their names in lower case.
        guesses: Whether columns are inferred as `read_files` does.
        metadata: Whether there is to be a column `_metadata`.
        table: The table whose files they are, of which the catalog knows the columns and options.
    """

    path: str
    kind: str = ""
    options: dict[str, str] = field(default_factory=dict)
    guesses: bool = False
    metadata: bool = False
    table: Table | None = None


def asks_for_metadata(table: Any) -> bool:
    """Whether the SELECT around a table names `_metadata`."""
    from sqlglot import exp

    select = table.find_ancestor(exp.Select)
    if select is None:
        return False
    names = (column for column in select.find_all(exp.Column) if column.find_ancestor(exp.Select) is select)
    return any(METADATA in [part.name.lower() for part in column.parts] for column in names)


def call_of(table: Any, sql: str) -> tuple[FileCall, int, int] | None:
    """The call of `read_files` that a table of a query is, with the span of its text.

    Raises:
        SparkError: UNSUPPORTED_BY_ENGINE, or an argument that is no literal.
    """
    from sqlglot import exp

    function = table.this
    if not isinstance(function, exp.Anonymous) or function.name.lower() != "read_files":
        return None
    start, end = function.meta["start"], _end(sql, function.meta["end"])
    if sql[:start].rstrip().upper().endswith("STREAM"):
        raise unsupported("STREAM read_files()", "Leave STREAM out to read the files as a batch.")
    arguments = list(function.expressions)
    paths = [one for one in arguments if isinstance(one, exp.Literal)]
    if len(paths) != 1:
        text = "read_files() needs the path of the files as its first argument; all others have names."
        raise SparkError("WRONG_NUM_ARGS.WITHOUT_SUGGESTION", text, sql_state="42605")
    options = {one.this.name.lower(): _literal(one) for one in arguments if isinstance(one, exp.Kwarg)}
    kind = options.pop("format", "").lower()
    return FileCall(paths[0].name, kind, options, guesses=True, metadata=asks_for_metadata(table)), start, end


def _end(sql: str, name_end: int) -> int:
    """Where the brackets behind a function's name close."""
    depth = 0
    for token in tokenize(sql):
        if token.start > name_end and token.kind != "STRING":
            depth += {"(": 1, ")": -1}.get(token.text, 0)
            if not depth:
                return token.end + 1
    return len(sql)


def _literal(argument: Any) -> str:
    from sqlglot import exp

    value = argument.expression
    if isinstance(value, exp.Literal):
        return str(value.name)
    if isinstance(value, exp.Boolean):
        return str(value.this).lower()
    raise unsupported(f"the argument {argument.this.name} of read_files(), which is no literal", "Give a literal.")


def without_hidden(sql: str, columns: Callable[[str], list[str]]) -> str:
    """A query in which `*` does not mean the column `_metadata` that it names besides.

    Args:
        sql: The query.
        columns: Tells the columns of a query, which does not name `_metadata`.

    Raises:
        SparkError: UNSUPPORTED_BY_ENGINE: it is not plain what `*` stands for.
    """
    from sqlglot import exp

    sql = _with_paths(sql) if FILE_NAME in sql.lower() else sql
    if METADATA not in sql.lower():
        return sql
    edits = []
    for star in parse(sql).find_all(exp.Star):
        select = star.parent
        if not isinstance(select, exp.Select) or star.args.get("except_"):
            continue
        tables = list(select.find_all(exp.Table))
        if not any(_is_files(table) and asks_for_metadata(table) for table in tables):
            continue
        if len(tables) != 1:
            raise unsupported("* beside _metadata where files are joined", "Name the columns.")
        start, end = _span(tables[0], sql)
        names = columns(f"SELECT * FROM {sql[start:end]}")
        edits.append(Edit(star.meta["start"], star.meta["end"] + 1, ", ".join(map(quote, names))))
    return splice(sql, edits)


def _with_paths(sql: str) -> str:
    """The query with the path of files instead of `input_file_name()`, where it reads nothing but files."""
    from sqlglot import exp

    tree, edits = parse(sql), []
    if not all(map(_is_files, tree.find_all(exp.Table))):
        return sql
    for call in tree.find_all(exp.Anonymous):
        if call.name.lower() == FILE_NAME and call.find_ancestor(exp.Select) is not None:
            named = f" AS `{FILE_NAME}()`" if isinstance(call.parent, exp.Select) else ""
            edits.append(Edit(call.meta["start"], _end(sql, call.meta["end"]), FILE_PATH + named))
    return splice(sql, edits)


def _is_files(table: Any) -> bool:
    from sqlglot import exp

    if isinstance(table.this, exp.Func):
        return isinstance(table.this, exp.Anonymous) and table.this.name.lower() == "read_files"
    return len(table.parts) == 2 and "/" in table.parts[1].name


def _span(table: Any, sql: str) -> tuple[int, int]:
    from sqlglot import exp

    if isinstance(table.this, exp.Func):
        return table.this.meta["start"], _end(sql, table.this.meta["end"])
    return table.parts[0].meta["start"], table.parts[-1].meta["end"] + 1
