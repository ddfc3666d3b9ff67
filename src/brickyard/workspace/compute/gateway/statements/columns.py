"""Column definitions of CREATE TABLE and ALTER TABLE, as a Delta schema."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from pyspark.sql.connect.proto import base_pb2

from brickyard.workspace.compute.gateway.alignment import check_characters, check_distinct
from brickyard.workspace.compute.gateway.errors import unsupported
from brickyard.workspace.compute.gateway.names import quote
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.sqltext import Cursor

__all__ = ["VIEW", "Column", "delta_schema", "read_column"]

#: What hides rows and columns by reader, where row filters and column masks are not supported.
VIEW = "Give readers a view with is_account_group_member() or current_user() in it; they need no rights on the table."
INSTEAD = {
    "MASK": VIEW,
    "GENERATED": "Compute the column when writing.",
    "DEFAULT": "Give the value when writing.",
    "FOREIGN": "Write it as a constraint of the table: FOREIGN KEY (...) REFERENCES ...",
    "CONSTRAINT": "Write it as a constraint of the table, after the columns.",
}


@dataclass(frozen=True)
class Column:
    """One column as the statement defines it; `kind` is the SQL text of its type."""

    name: str
    kind: str
    nullable: bool = True
    primary: bool = False
    comment: str | None = None


def read_column(cursor: Cursor, stop: tuple[str, ...] = ()) -> Column:
    """Read one definition, to the words that end it."""
    if cursor.peek() in {"PRIMARY", "FOREIGN", "CONSTRAINT"}:
        raise unsupported(f"{cursor.peek()} among columns", "Use ALTER TABLE ... ADD CONSTRAINT.")
    name = cursor.name()[0]
    kind = _type_text(cursor)
    nullable, primary, comment = True, False, None
    while cursor.peek() not in {",", ")", "", *stop}:
        if cursor.take("NOT", "NULL"):
            nullable = False
        elif cursor.take("PRIMARY", "KEY"):
            primary, nullable = True, False
        elif cursor.take("COMMENT"):
            comment = cursor.string()
        elif not cursor.take("NULL"):
            word = cursor.peek()
            raise unsupported(f"{word} in a column definition", INSTEAD.get(word, "Leave it out."))
    return Column(name, kind, nullable, primary, comment)


def _type_text(cursor: Cursor) -> str:
    """The type's text: a word, and what stands in brackets after it."""
    first = cursor.next()
    last, depth = first, 0
    while not cursor.done and (depth or cursor.peek() in {"<", "("}):
        last = cursor.next()
        depth += last.text.count("<") + last.text.count("(") - last.text.count(">") - last.text.count(")")
    return str(cursor.sql[first.start : last.end + 1])


def delta_schema(columns: list[Column], session: Session) -> Any:
    """The columns as a `deltalake.Schema`; Sail reads the types, so that there is one parser of them."""
    from deltalake import Schema
    from pyspark.sql.connect.types import proto_schema_to_pyspark_data_type

    check_distinct(columns)
    check_characters([column.name for column in columns])
    ddl = ", ".join(f"{quote(column.name)} {column.kind}" for column in columns)
    answer = session.sail.analyze(session.key, ddl_parse=base_pb2.AnalyzePlanRequest.DDLParse(ddl_string=ddl))
    wire = json.loads(proto_schema_to_pyspark_data_type(answer.ddl_parse.parsed).json())
    for field, column in zip(wire["fields"], columns, strict=True):
        field["nullable"] = column.nullable
        if column.comment:
            field["metadata"] = {**field["metadata"], "comment": column.comment}
    return Schema.from_json(json.dumps(wire))
