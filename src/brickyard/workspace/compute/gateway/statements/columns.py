"""Column definitions of CREATE TABLE and ALTER TABLE, as a Delta schema."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from pyspark.sql.connect.proto import base_pb2

from brickyard.workspace.compute.gateway import lengths
from brickyard.workspace.compute.gateway.alignment import check_characters, check_distinct
from brickyard.workspace.compute.gateway.errors import unsupported
from brickyard.workspace.compute.gateway.names import quote
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.sqltext import Cursor
from brickyard.workspace.compute.gateway.statements.fillings import need_one_rule, read_default, read_generated

__all__ = ["Column", "Mask", "delta_fields", "read_column"]

INSTEAD = {
    "MASK": "Add the column, then ALTER TABLE ... ALTER COLUMN ... SET MASK ...",
    "FOREIGN": "Write it as a constraint of the table: FOREIGN KEY (...) REFERENCES ...",
    "CONSTRAINT": "Write it as a constraint of the table, after the columns.",
}


@dataclass(frozen=True)
class Mask:
    """The mask of a column: the parts of a function's name, and the columns that it is given besides."""

    function: tuple[str, ...]
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Column:
    """One column as the statement defines it.

    Args:
        name: Its name.
        kind: The SQL text of its type.
        nullable: Whether it takes nulls.
        primary: Whether it is the table's primary key.
        comment: Its comment.
        rules: What fills it, as Delta's schema has it.
    """

    name: str
    kind: str
    nullable: bool = True
    primary: bool = False
    comment: str | None = None
    rules: dict[str, Any] = field(default_factory=dict)
    mask: Mask | None = None


def read_column(cursor: Cursor, stop: tuple[str, ...] = ()) -> Column:
    """Read one definition, to the words that end it."""
    if cursor.peek() in {"PRIMARY", "FOREIGN", "CONSTRAINT"}:
        raise unsupported(f"{cursor.peek()} among columns", "Use ALTER TABLE ... ADD CONSTRAINT.")
    name = cursor.name()[0]
    kind = _type_text(cursor)
    nullable, primary, comment = True, False, None
    rules: dict[str, Any] = {}
    while cursor.peek() not in {",", ")", "", *stop}:
        if cursor.take("NOT", "NULL"):
            nullable = False
        elif cursor.take("PRIMARY", "KEY"):
            primary, nullable = True, False
        elif cursor.take("COMMENT"):
            comment = cursor.string()
        elif cursor.take("GENERATED"):
            rules |= read_generated(cursor)
        elif cursor.take("DEFAULT"):
            rules |= read_default(cursor)
        elif not cursor.take("NULL"):
            word = cursor.peek()
            raise unsupported(f"{word} in a column definition", INSTEAD.get(word, "Leave it out."))
    need_one_rule(name, rules)
    return Column(name, kind, nullable, primary, comment, rules)


def _type_text(cursor: Cursor) -> str:
    """The type's text: a word, and what stands in brackets after it."""
    first = cursor.next()
    last, depth = first, 0
    while not cursor.done and (depth or cursor.peek() in {"<", "("}):
        last = cursor.next()
        depth += last.text.count("<") + last.text.count("(") - last.text.count(">") - last.text.count(")")
    return str(cursor.sql[first.start : last.end + 1])


def delta_fields(columns: list[Column], session: Session) -> list[dict[str, Any]]:
    """The columns as Delta's schema has them; Sail reads the types, so that there is one parser of them."""
    from pyspark.sql.connect.types import proto_schema_to_pyspark_data_type

    check_distinct(columns)
    check_characters([column.name for column in columns])
    ddl = ", ".join(f"{quote(column.name)} {column.kind}" for column in columns)
    answer = session.sail.analyze(session.key, ddl_parse=base_pb2.AnalyzePlanRequest.DDLParse(ddl_string=ddl))
    fields: list[dict[str, Any]] = json.loads(proto_schema_to_pyspark_data_type(answer.ddl_parse.parsed).json())[
        "fields"
    ]
    for one, column in zip(fields, columns, strict=True):
        one["nullable"] = column.nullable
        said = {"comment": column.comment} if column.comment else {}
        one["metadata"] = {**one["metadata"], **said, **column.rules, **lengths.said(column.kind)}
    return fields
