"""Views: temporary ones are the session's (`temporary_views`), others are in the catalog as text."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from pyspark.sql.connect.proto import relations_pb2

from brickyard.workspace.compute.gateway import literals
from brickyard.workspace.compute.gateway.alignment import check_names
from brickyard.workspace.compute.gateway.errors import SparkError, already_exists, unsupported
from brickyard.workspace.compute.gateway.file_tables.definition import type_name
from brickyard.workspace.compute.gateway.names import SessionNames, TableName, is_global, quote
from brickyard.workspace.compute.gateway.queries import QueryRewriter
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.sqltext import Cursor, parse
from brickyard.workspace.compute.gateway.statements.copy_text import FORMATS, read_options
from brickyard.workspace.compute.gateway.statements.namespaces import read_properties
from brickyard.workspace.compute.gateway.statements.temporary_objects import need_lasting
from brickyard.workspace.compute.gateway.sugar.aggregates import function_name, generators
from brickyard.workspace.compute.gateway.temporary_views import View, of_text
from brickyard.workspace.compute.gateway.view_columns import BINDING, COMPENSATION, properties_of
from brickyard.workspace.compute.gateway.view_queries import users_own, where_names_are

__all__ = ["create_view", "drop_temporary", "redefine", "register_temporary", "register_text", "schema_mode"]


NUMBERS = ("tinyint", "smallint", "int", "bigint", "float", "double", "decimal")
#: `int(x)` is a cast.
CASTS = frozenset({*NUMBERS, "boolean", "date", "timestamp", "binary", "string"})


def create_view(cursor: Cursor, session: Session, *, replace: bool) -> Any:
    """`[TEMPORARY] VIEW [IF NOT EXISTS] name [(columns)] [COMMENT '...'] [TBLPROPERTIES (...)] AS query`."""
    shared = cursor.take("GLOBAL")
    temporary = cursor.take("TEMP") or cursor.take("TEMPORARY")
    cursor.expect("VIEW")
    exists_ok = cursor.take("IF", "NOT", "EXISTS")
    parts = cursor.name()
    schema = _typed(cursor) if temporary and not shared else ""
    columns = {} if schema else _columns(cursor)
    if shared:
        parts = _global_name(parts)
    if schema or (temporary and not shared and not columns and cursor.peek() == "USING"):
        return _of_files(cursor, session, parts, schema, replace=replace)
    described = _clauses(cursor)
    query = cursor.rest()
    if columns and (shared or temporary):
        found = session.schema(session.relation(query)).names
        _check_number(columns, found)
        query = _renamed(query, found, list(columns), parts[-1])
    if shared:
        written = _written(query, session)
        session.global_views.define(parts[0], lambda: of_text(parts[0], written, session, shared=True), replace=replace)
    elif temporary:
        if len(parts) != 1:
            raise SparkError("TEMP_VIEW_NAME_TOO_MANY_NAME_PARTS", "A temporary view has a name of one part.")
        register_text(session, parts[0], query, replace=replace)
    else:
        described.columns = columns
        _persistent(session, parts, query, described, replace=replace, exists_ok=exists_ok)
    return literals.empty()


def _global_name(parts: list[str]) -> list[str]:
    """The name of a global temporary view, with its schema or without."""
    if len(parts) > 2 or (len(parts) == 2 and not is_global(parts)):
        raise SparkError(
            "TEMP_VIEW_NAME_TOO_MANY_NAME_PARTS",
            f"CREATE TEMPORARY VIEW or the corresponding Dataset APIs only accept single-part view names, but got: "
            f"{quote(*parts)}.",
            sql_state="428EK",
        )
    return parts[-1:]


def _typed(cursor: Cursor) -> str:
    """Read `(a INT, b STRING)`: the columns of files, with their types; empty if there is something else."""
    if cursor.peek() != "(" or cursor.peek(2) in {",", ")", "COMMENT"}:
        return ""
    cursor.expect("(")
    schema = cursor.until()
    cursor.expect(")")
    return schema


def _of_files(cursor: Cursor, session: Session, parts: list[str], schema: str, *, replace: bool) -> Any:
    """`USING format OPTIONS (path '...', ...)`: a temporary view of files."""
    cursor.expect("USING")
    kind = cursor.next().text.lower()
    options = read_options(cursor) if cursor.take("OPTIONS") else {}
    cursor.end()
    given = {name.lower(): value for name, value in options.items()}
    path = given.pop("path", "")
    if kind not in FORMATS or not path:
        instead = f"Give the path of files as an option, and one of the formats {', '.join(sorted(FORMATS))}."
        raise unsupported(f"a temporary view USING {kind}", instead)
    relation = relations_pb2.Relation()
    relation.read.data_source.format = kind
    if schema:
        relation.read.data_source.schema = schema
    relation.read.data_source.paths.append(path)
    relation.read.data_source.options.update(given)
    register_temporary(session, parts[-1], lambda: of_text(parts[-1], relation, session), replace=replace)
    return literals.empty()


def _columns(cursor: Cursor) -> dict[str, str | None]:
    """Read `(a [COMMENT '...'], b)`: names with comments."""
    columns: dict[str, str | None] = {}
    while cursor.take(",") if columns else cursor.take("("):
        name = cursor.name()[0]
        check_names([*(one.lower() for one in columns), name.lower()])
        columns[name] = cursor.string() if cursor.take("COMMENT") else None
    if columns:
        cursor.expect(")")
    return columns


def _renamed(query: str, found: Sequence[str], names: list[str], view: str) -> str:
    """The query with other names; columns that a star stands for are named one by one, as there may be more later."""
    if "*" in query and len({name.lower() for name in found}) == len(found):
        items = ", ".join(f"{quote(old)} AS {quote(new)}" for old, new in zip(found, names, strict=True))
        return f"SELECT {items} FROM ({query})"
    return f"SELECT * FROM ({query}) AS {quote(view)}({', '.join(map(quote, names))})"


def _check_number(columns: Collection[str], found: Sequence[str]) -> None:
    """As many names as the query has columns."""
    if len(found) != len(columns):
        what = "NOT_ENOUGH" if len(found) < len(columns) else "TOO_MANY"
        raise SparkError(
            f"CREATE_VIEW_COLUMN_ARITY_MISMATCH.{what}_DATA_COLUMNS",
            f"Cannot create the view: its columns are {', '.join(columns)}; the query has {', '.join(found)}.",
            sql_state="21S01",
        )


@dataclass
class _Description:
    """What a view says beside its query; columns have comments."""

    comment: str | None = None
    properties: dict[str, str] = field(default_factory=dict)
    columns: dict[str, str | None] = field(default_factory=dict)
    mode: str = COMPENSATION


def _clauses(cursor: Cursor) -> _Description:
    """COMMENT, TBLPROPERTIES, DEFAULT COLLATION, WITH SCHEMA; then AS."""
    found = _Description()
    while not cursor.take("AS"):
        if cursor.take("COMMENT"):
            found.comment = cursor.string()
        elif cursor.take("TBLPROPERTIES"):
            found.properties = read_properties(cursor)
        elif cursor.take("WITH", "SCHEMA"):
            found.mode = schema_mode(cursor)
        else:
            raise unsupported(f"{cursor.peek()} in CREATE VIEW", "Leave the clause out.")
    return found


def schema_mode(cursor: Cursor) -> str:
    """What follows WITH SCHEMA."""
    mode = "TYPE EVOLUTION" if cursor.take("TYPE", "EVOLUTION") else cursor.next().text.upper()
    if mode not in {BINDING, COMPENSATION}:
        raise unsupported(f"a view WITH SCHEMA {mode}", "CREATE OR REPLACE the view when its tables have changed.")
    return mode


def register_text(session: Session, name: str, query: str, *, replace: bool) -> None:
    """Make a temporary view of a query."""
    written = _written(query, session)
    register_temporary(session, name, lambda: of_text(name, written, session), replace=replace)


def _written(query: str, session: Session) -> relations_pb2.Relation:
    """A query, with the data frames of its statement as the client sent them: they are resolved where it is read."""
    cursor = Cursor(query)
    relation = session.with_text(f"SELECT * FROM {cursor.rest()}" if cursor.take("TABLE") else query)
    if relation.HasField("with_relations") and session.references:
        del relation.with_relations.references[:]
        relation.with_relations.references.extend(session.references)
    return relation


def register_temporary(session: Session, name: str, make: Callable[[], View], *, replace: bool) -> None:
    """Make a temporary view."""
    if not replace and session.names.is_temporary([name]):
        raise SparkError(
            "TEMP_TABLE_OR_VIEW_ALREADY_EXISTS", f"The temporary view `{name}` already exists.", sql_state="42P07"
        )
    view = make()
    if session.held:  # it would keep the rows of now
        what = "a temporary view over WITH RECURSIVE or an information_schema"
        raise unsupported(what, "Use a view of the catalog, or CACHE TABLE ... AS.")
    session.names.temporary[name.lower()] = view


def drop_temporary(session: Session, name: str) -> Any:
    """Drop a temporary view."""
    session.names.temporary.pop(name.lower(), None)
    return literals.empty()


def _persistent(
    session: Session, parts: list[str], query: str, described: _Description, *, replace: bool, exists_ok: bool
) -> None:
    name = session.names.table(parts)
    session.catalog.need_schema(name.catalog, name.schema)
    tree = parse(query)
    need_lasting(tree, session, "VIEW", (name.catalog, name.schema, name.name))
    if not described.columns:
        _need_aliases(tree, name)
    names = SessionNames(session.names.catalog, session.names.schema)
    spark = session.sail.capabilities.is_spark
    bindings = session.bindings.for_statement().inside(names)
    rewriter = QueryRewriter(
        names,
        session.places,
        session.table,
        spark=spark,
        ask=session.schema_of_query,
        bindings=bindings,
        defines=name.full,
        changes=session.changes_of,
        files=session.held_files,
        fields=partial(session.plans.fields_of, ask=session.schema_of_query),
    )
    text = rewriter.rewrite_query(query)
    schema = session.sail.schema(session.key, relations_pb2.Relation(sql=relations_pb2.SQL(query=text)))
    given = list(described.columns) or schema.names
    _check_number(given, schema.names)
    check_names([one.lower() for one in given])
    existing = session.catalog.find_table(name)
    if existing is not None:
        if exists_ok:
            return
        if not (replace and existing.is_view):
            raise already_exists("table", str(name))
    columns = [_wire(place, field) for place, field in enumerate(schema.fields)]
    for column, label in zip(columns, given, strict=True):
        column.update(name=label, comment=described.columns.get(label))
    wire: dict[str, Any] = {"view_definition": query, "comment": described.comment, "columns": columns}
    wire["properties"] = described.properties | where_names_are(names) | properties_of(described.mode, schema.names)
    if existing is None:
        session.catalog.create_table(name, {"table_type": "VIEW", **wire})
    else:  # in place: owner and grants stay
        session.catalog.change("tables", name.full, wire)


def _need_aliases(tree: Any, name: TableName) -> None:
    """Refuse an expression without a name: the next version may give it another."""
    from sqlglot import exp

    while isinstance(tree, exp.SetOperation | exp.Subquery):
        tree = tree.this
    for item in tree.expressions if isinstance(tree, exp.Select) else ():
        if _is_unnamed(item):
            text = f"Not allowed to create the permanent view {name} without an alias for {item.sql('databricks')}."
            raise SparkError("CREATE_PERMANENT_VIEW_WITHOUT_ALIAS", f"{text} Add AS and a name.", sql_state="0A000")


def _is_unnamed(item: Any) -> bool:
    """Whether the engine makes up the name of a column; not so that of a literal, a field or a column that is cast."""
    from sqlglot import exp

    cast = isinstance(item, exp.Func) and function_name(item) in CASTS and len(item.expressions) == 1
    value = item.this if isinstance(item, exp.Cast) else item.expressions[0] if cast else item
    if value.key.startswith("current") or generators(value):
        return False
    made = isinstance(value, exp.Func | exp.Binary | exp.Subquery)
    return made and not isinstance(value, exp.Dot | exp.Bracket | exp.JSONExtract)


def _wire(place: int, field: Any) -> dict[str, Any]:
    """A column of a view, as the catalog keeps it."""
    return {"name": field.name, "position": place, **type_name(field.dataType), "nullable": field.nullable}


def redefine(cursor: Cursor, session: Session, parts: list[str]) -> None:
    """`ALTER VIEW name AS query`: the view must be there."""
    if session.names.is_temporary(parts):
        register_text(session, parts[0], cursor.rest(), replace=True)
        return
    view = session.catalog.table(session.names.table(parts))
    if not view.is_view:
        raise SparkError("EXPECT_VIEW_NOT_TABLE.NO_ALTERNATIVE", f"{view.name} is a table; use ALTER TABLE.")
    described = _Description(view.comment, users_own(view.properties), mode=view.columns.mode)
    _persistent(session, parts, cursor.rest(), described, replace=True, exists_ok=False)
