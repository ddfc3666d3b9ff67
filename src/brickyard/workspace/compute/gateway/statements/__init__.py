"""SQL statements that the gateway runs itself, because Sail cannot or would answer wrongly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyspark.sql.connect.proto import relations_pb2

from brickyard.workspace.compute.gateway.errors import parse_error, unsupported
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.sqltext import Cursor, begins_script
from brickyard.workspace.compute.gateway.statements import (
    alter,
    caches,
    changes,
    copy,
    describe,
    explain,
    file_partitions,
    grants,
    immediate,
    inserts,
    locations,
    maintenance,
    namespaces,
    settings,
    show,
    tables,
    tags,
    undrop,
    variables,
)

__all__ = ["run"]

Handler = Callable[[Cursor, Session], Any]

#: What Sail runs, once names and paths are resolved.
FORWARDED = frozenset({"SELECT", "VALUES", "FROM", "("})
HANDLERS: dict[str, Handler] = {
    "ALTER": alter.alter,
    "ANALYZE": settings.analyze,
    "CACHE": caches.cache,
    "COMMENT": alter.comment,
    "CONVERT": maintenance.convert,
    "COPY": copy.copy_into,
    "CREATE": tables.create,
    "DECLARE": variables.declare,
    "DELETE": changes.change,
    "DESC": describe.describe,
    "DESCRIBE": describe.describe,
    "DROP": tables.drop,
    "EXECUTE": lambda cursor, session: immediate.execute(cursor, session, run),
    "EXPLAIN": explain.explain,
    "FSCK": maintenance.fsck,
    "GRANT": grants.grant,
    "INSERT": inserts.insert,
    "LIST": locations.list_path,
    "MERGE": changes.change,
    "MSCK": file_partitions.repair,
    "OPTIMIZE": maintenance.optimize,
    "REFRESH": settings.refresh_kept,
    "REPAIR": file_partitions.repair,
    "REPLACE": tables.create,
    "RESET": settings.reset,
    "RESTORE": maintenance.restore,
    "REVOKE": grants.revoke,
    "SET": settings.set_value,
    "SHOW": show.show,
    "TRUNCATE": maintenance.truncate,
    "UNCACHE": caches.uncache,
    "UNDROP": undrop.undrop,
    "UNSET": tags.tag_statement,
    "UPDATE": changes.change,
    "USE": namespaces.use,
    "VACUUM": maintenance.vacuum,
}
INSTEAD = {
    "CALL": "Use a Python function.",
    "DENY": "Use REVOKE: nobody has what was not granted.",
    "GET": "Use the Files API (w.files.download), or dbutils.fs.cp in a task.",
    "PUT": "Use the Files API (w.files.upload), or dbutils.fs.cp in a task.",
    "REORG": "Use OPTIMIZE, then VACUUM: tables here have no deletion vectors.",
    "REMOVE": "Use the Files API (w.files.delete), or dbutils.fs.rm in a task.",
    "SYNC": "Use CREATE TABLE ... DEEP CLONE hive_metastore.schema.table.",
}
# What Spark and Databricks have as the first word of a statement, beside those that are handled.
KNOWN = (
    INSTEAD.keys()
    | {"ADD", "APPLY", "CALL", "CLONE", "DENY", "EXPORT", "GENERATE", "IMPORT"}
    | {"LOAD", "LOCK", "MAP", "REDUCE", "REORG", "SIGNAL"}
    | {"SYNC", "UNLOCK"}
)


def run(sql: str, session: Session) -> Any:
    """Run the statement; its result as a relation, or None when it is for Sail (rewritten).

    Raises:
        SparkError: If it cannot be run.
    """
    cursor = Cursor(sql)
    if cursor.tokens and begins_script(cursor.tokens[0]):
        from brickyard.workspace.compute.gateway.scripts import run_script

        return run_script(sql, session, run, _check_word)
    word = cursor.peek()
    if not word:
        raise parse_error("The statement is empty.")
    if word in FORWARDED:
        return None
    if word == "WITH":
        return inserts.insert_with(cursor, session)
    if word == "TABLE":
        piped = any(token.text == "|>" for token in cursor.tokens)
        query = f"{'FROM' if piped else 'SELECT * FROM'} {cursor.rest()[5:]}"
        return relations_pb2.Relation(sql=relations_pb2.SQL(query=query))
    _check_word(word, cursor.tokens[0].text)
    handler = HANDLERS.get(word)
    if handler is None:
        raise unsupported(f"the statement {word}", INSTEAD.get(word, "Use the DataFrame API or Python instead."))
    return handler(cursor, session)


def _check_word(word: str, written: str = "") -> None:
    """Whether a word, as it is written, begins a statement.

    Raises:
        SparkError: PARSE_SYNTAX_ERROR.
    """
    if not (word in HANDLERS or word in KNOWN or word in FORWARDED or word in {"WITH", "TABLE"}):
        raise parse_error(f"Syntax error at or near '{written or word.lower()}'.")
