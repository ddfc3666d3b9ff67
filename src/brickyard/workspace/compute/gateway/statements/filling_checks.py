"""What a default or a generated column may be, checked as Delta checks it when the column is defined.

Source: what Delta 4.4 on Spark 4.2 answers, tried.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import grpc
from pyspark.sql.connect.proto import relations_pb2

from brickyard.workspace.compute.gateway import log, values
from brickyard.workspace.compute.gateway.checks import CHECKS, dependent, uses
from brickyard.workspace.compute.gateway.errors import UNSUPPORTED, SparkError, unsupported
from brickyard.workspace.compute.gateway.filled_rows import default_text
from brickyard.workspace.compute.gateway.filling import Filled, by_name
from brickyard.workspace.compute.gateway.names import quote
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.sqltext import parse

__all__ = ["check_default", "check_fields", "kind_of", "need_independent"]

RANDOM = frozenset({"rand", "randn", "random", "uuid", "shuffle", "monotonically_increasing_id", "spark_partition_id"})
NOW = frozenset({"current_timestamp", "current_date", "now", "localtimestamp", "curdate", "unix_timestamp"}) | {
    *("current_user", "session_user", "user", "current_catalog", "current_database", "current_schema"),
    *("current_timezone", "version", "input_file_name"),
}
INTEGERS = ("tinyint", "smallint", "int", "bigint")
NUMBERS = (*INTEGERS, "decimal", "float", "double")


def check_fields(fields: Iterable[dict[str, Any]], partitions: Iterable[str], session: Session) -> None:
    """Refuse columns of a new table that cannot be filled as they say.

    Args:
        fields: The columns, as the schema's JSON has them.
        partitions: Names of the partition columns.
        session: The session that makes the table.

    Raises:
        SparkError: In the classes that Delta has for it.
    """
    fields = list(fields)
    filled = by_name(fields)
    if not filled:
        return
    kinds = {field["name"].lower(): kind_of(field) for field in fields}
    for name, column in filled.items():
        if column.default is not None:
            check_default(session, "CREATE TABLE", column.name, column.default, kinds[name])
        if column.identity:
            _check_identity(column, kinds[name], {name.lower() for name in partitions})
        if column.generated is not None:
            _check_generated(session, column, kinds, filled)


def kind_of(field: dict[str, Any]) -> str:
    """The type of a column, as SQL writes it."""
    from pyspark.sql.types import StructType

    plain = {"type": "struct", "fields": [{**field, "metadata": {}}]}
    return str(StructType.fromJson(plain).fields[0].dataType.simpleString())


def _check_identity(column: Filled, kind: str, partitions: set[str]) -> None:
    if kind != "bigint":
        name = {"int": "integer", "smallint": "short", "tinyint": "byte"}.get(kind, kind)
        text = f"DataType {name} is not supported for IDENTITY columns."
        raise SparkError("DELTA_IDENTITY_COLUMNS_UNSUPPORTED_DATA_TYPE", text, kind=UNSUPPORTED, sql_state="428H2")
    if column.name.lower() in partitions:
        text = f"PARTITIONED BY IDENTITY column {column.name} is not supported."
        raise SparkError("DELTA_IDENTITY_COLUMNS_PARTITION_NOT_SUPPORTED", text, sql_state="42601")


def check_default(session: Session, statement: str, name: str, default: str, kind: str) -> None:
    """Refuse a default that is no constant, or none of the column's type.

    Args:
        session: The session that defines it.
        statement: What defines it.
        name: The column.
        default: The SQL of the default.
        kind: The type of the column.

    Raises:
        SparkError: INVALID_DEFAULT_VALUE.
    """
    from sqlglot import exp

    said = f"Failed to execute {statement} command because the destination column or variable {quote(name)} has a "
    said += f"DEFAULT value {default}, "
    tree = parse(f"SELECT {default}")
    problem = None
    if len(list(tree.find_all(exp.Query))) > 1:
        problem = "SUBQUERY_EXPRESSION", "which contains subquery expressions."
    elif tree.find(exp.Column):
        problem = "NOT_CONSTANT", "which is not a constant expression whose equivalent value is known at planning time."
    elif _calls(tree) & RANDOM:
        problem = "NON_DETERMINISTIC", "which contains a non-deterministic expression."
    elif not _fits(session, default, kind):
        problem = "DATA_TYPE", f'which requires "{kind.upper()}" type, but the statement provided another one.'
    if problem:
        raise SparkError(f"INVALID_DEFAULT_VALUE.{problem[0]}", said + problem[1], sql_state="42623")


def _calls(tree: Any) -> set[str]:
    """The names of the functions in a tree."""
    from sqlglot import exp

    found = set()
    for call in tree.find_all(exp.Func):
        names = [call.name] if isinstance(call, exp.Anonymous) else call.sql_names()
        found |= {name.lower() for name in names}
    return found


def _fits(session: Session, default: str, kind: str) -> bool:
    """Whether a default has the column's type, a narrower one, or is a number that does not change."""
    text = default_text(session, default)
    have = session.fields(_query(f"SELECT {text} AS x"))[0][1]
    if have in {kind, "void"} or _wider(have, kind):
        return True
    if _base(have) not in NUMBERS or _base(kind) not in NUMBERS:
        return False
    found = session.rows(_query(f"SELECT TRY_CAST({text} AS {kind}) <=> {text} AS same"))
    return bool(found.column(0)[0].as_py())


def _query(sql: str) -> relations_pb2.Relation:
    return relations_pb2.Relation(sql=relations_pb2.SQL(query=sql))


def _base(kind: str) -> str:
    return kind.partition("(")[0].partition("<")[0]


def _wider(have: str, kind: str) -> bool:
    """Whether Spark casts one type to the other without being asked."""
    if kind == "string":
        return _base(have) not in {"struct", "array", "map", "binary"}
    if _base(have) in NUMBERS and kind in {"float", "double", *INTEGERS}:
        return have != "double" and NUMBERS.index(_base(have)) <= NUMBERS.index(kind)
    return (have, kind) in {("date", "timestamp"), ("date", "timestamp_ntz"), ("timestamp_ntz", "timestamp")}


def _check_generated(session: Session, column: Filled, kinds: dict[str, str], filled: dict[str, Filled]) -> None:
    from sqlglot import exp

    tree = parse(f"SELECT {column.generated}")
    used = {found.parts[0].name.lower() for found in tree.find_all(exp.Column)}
    now = _calls(tree) & NOW
    if now:
        text = f"{min(now)}() cannot be used in a generated column."
        raise SparkError("DELTA_UNSUPPORTED_EXPRESSION_GENERATED_COLUMN", text, sql_state="42621")
    if len(list(tree.find_all(exp.Query))) > 1:
        raise _refused(column, "subquery expressions are not allowed for generated columns")
    if _calls(tree) & RANDOM:
        raise _refused(column, "generation expression is not deterministic")
    if tree.find(exp.AggFunc, exp.Window, exp.Explode):
        raise _refused(column, "generation expression is not of one row")
    if column.name.lower() in used:
        raise _refused(column, "generation expression cannot reference itself")
    if any(filled[name].generated is not None for name in used & filled.keys()):
        raise _refused(column, "generation expression cannot reference another generated column")
    if any(filled[name].identity for name in used & filled.keys()):
        raise unsupported("generated columns that are computed of identity columns", "Compute it when reading.")
    _need_columns(used, kinds)
    _check_type(session, column, kinds)


def _need_columns(used: set[str], kinds: dict[str, str]) -> None:
    for name in used - kinds.keys():
        text = f"A column, variable, or function parameter with name {quote(name)} cannot be resolved."
        near = f" Did you mean one of: {', '.join(map(quote, kinds))}?"
        raise SparkError("UNRESOLVED_COLUMN.WITH_SUGGESTION", text + near, sql_state="42703")


def need_independent(metadata: log.Metadata, path: list[str]) -> None:
    """Refuse the change of a column, or of a field of one, that CHECK constraints or generated columns use.

    Raises:
        SparkError: DELTA_CONSTRAINT_DEPENDENT_COLUMN_CHANGE, DELTA_GENERATED_COLUMNS_DEPENDENT_COLUMN_CHANGE.
    """
    checks = {key: text for key, text in metadata.configuration.items() if key.startswith(CHECKS)}
    generated = {one.name: one.generated for one in by_name(metadata.fields).values() if one.generated is not None}
    for kind, texts in (("CONSTRAINT", checks), ("GENERATED_COLUMNS", generated)):
        found = {name: text for name, text in texts.items() if uses(text, path)}
        if found:
            raise dependent(kind, path, found)


def _refused(column: Filled, why: str) -> SparkError:
    text = f"Cannot create generated column {column.name} with generation expression {column.generated} because {why}."
    return SparkError("UNSUPPORTED_EXPRESSION_GENERATED_COLUMN", text, sql_state="42621")


def _check_type(session: Session, column: Filled, kinds: dict[str, str]) -> None:
    """The expression must have the column's type, and be one that the engine checks itself when it writes."""
    kind = kinds[column.name.lower()]
    others = (f"CAST(NULL AS {other}) AS {quote(name)}" for name, other in kinds.items() if name != column.name.lower())
    sql = f"SELECT ({column.generated}) AS x FROM (SELECT {', '.join(others)})"
    probe = session.rewriter().probe
    have = session.fields(_query(values.correct_sql(sql, probe) if probe else sql))[0][1]
    if have != kind:
        if _wider(have, kind):
            text = (
                f"The expression type of the generated column {column.name} is {have.upper()}, but the column type is "
            )
            raise SparkError("DELTA_GENERATED_COLUMNS_EXPR_TYPE_MISMATCH", text + f"{kind.upper()}.", sql_state="42K09")
        why = f"generation expression data type {have} is incompatible with column data type {kind}"
        raise _refused(column, why)
    try:
        session.fields(_query(sql))
    except grpc.RpcError as error:
        raise unsupported(f"the generation expression {column.generated}", "Compute it when writing.") from error
