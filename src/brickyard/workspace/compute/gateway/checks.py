"""Conditions that rows must meet: CHECK constraints, and the conditions of what is replaced.

Source: https://docs.databricks.com/aws/en/sql/language-manual/sql-ref-syntax-ddl-alter-table-add-constraint
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pyspark.sql.connect.proto import relations_pb2

from brickyard.workspace.compute.gateway.errors import SparkError, parse_error
from brickyard.workspace.compute.gateway.sqltext import parse
from brickyard.workspace.compute.gateway.sugar.names import own_columns, volatile

__all__ = [
    "CHECKS",
    "dependent",
    "matching",
    "meeting",
    "need_columns",
    "need_no_query",
    "need_plain",
    "need_plain_values",
    "need_settled",
    "required",
    "uses",
]

#: What the properties that are CHECK constraints begin with.
CHECKS = "delta.constraints."
UNSUPPORTED_EXPRESSION = "DELTA_UNSUPPORTED_EXPRESSION_CHECK_CONSTRAINT"


def need_plain(condition: str) -> None:
    """Refuse a CHECK constraint that is not about the row alone.

    Raises:
        SparkError: DELTA_UNSUPPORTED_EXPRESSION_CHECK_CONSTRAINT, PARSE_SYNTAX_ERROR.
    """
    tree = _expression(condition)
    found = "A subquery" if _has_query(tree) else "A random function" if volatile(tree) else ""
    if found:
        text = f"{found} cannot be used in a CHECK constraint, as in ({condition})."
        raise SparkError(UNSUPPORTED_EXPRESSION, text, sql_state="42621")


def need_plain_values(properties: Mapping[str, str]) -> None:
    """The same for the CHECK constraints among properties of a table."""
    for text in _checks(properties).values():
        need_plain(text)


def need_no_query(expression: str) -> None:
    """Refuse an expression of a table's log that has a query in it: another program has put it there.

    Raises:
        SparkError: DELTA_UNSUPPORTED_EXPRESSION_CHECK_CONSTRAINT.
    """
    if _has_query(_expression(expression)):
        text = f"A subquery cannot be used in a CHECK constraint, or to fill a column, as in ({expression})."
        raise SparkError(UNSUPPORTED_EXPRESSION, text, sql_state="42621")


def need_settled(condition: str, *, sql: bool) -> None:
    """Refuse a condition of replaced rows that is not about the row alone.

    Args:
        condition: The condition.
        sql: Whether a statement says it, and not the option `replaceWhere`.

    Raises:
        SparkError: UNSUPPORTED_FEATURE.OVERWRITE_BY_SUBQUERY, DELTA_UNSUPPORTED_SUBQUERY,
            INVALID_NON_DETERMINISTIC_EXPRESSIONS, PARSE_SYNTAX_ERROR.
    """
    tree = _expression(condition)
    if _has_query(tree) and sql:
        text = "The feature is not supported: INSERT OVERWRITE with a subquery condition."
        raise SparkError("UNSUPPORTED_FEATURE.OVERWRITE_BY_SUBQUERY", text, sql_state="0A000")
    if _has_query(tree):
        text = f"Subqueries are not supported in the DELETE (condition = {condition})."
        raise SparkError("DELTA_UNSUPPORTED_SUBQUERY", text, sql_state="0AKDC")
    if volatile(tree):
        text = f'The operator expects a deterministic expression, but the actual expression is "{condition}".'
        raise SparkError("INVALID_NON_DETERMINISTIC_EXPRESSIONS", text, sql_state="42K0E")


def _expression(condition: str) -> Any:
    """The tree of a text that must be one expression."""
    tree = parse(f"SELECT {condition}")
    if len(tree.expressions) != 1 or any(value for key, value in tree.args.items() if key != "expressions"):
        raise parse_error(f"Syntax error: ({condition}) is not one expression.")
    return tree.expressions[0]


def _has_query(tree: Any) -> bool:
    from sqlglot import exp

    return tree.find(exp.Query) is not None


def uses(expression: str, path: list[str]) -> bool:
    """Whether an expression has a column, what contains it, or what is inside it."""
    names = [part.lower() for part in path]
    columns = own_columns(parse(f"SELECT {expression}").expressions[0])
    used = [[part.name.lower() for part in column.parts] for column in columns]
    return any(all(one == other for one, other in zip(parts, names, strict=False)) for parts in used)


def dependent(kind: str, path: list[str], texts: Mapping[str, str]) -> SparkError:
    """The refusal to change a column that others use.

    Args:
        kind: What uses it: `CONSTRAINT` or `GENERATED_COLUMNS`.
        path: The column.
        texts: What uses it, by name.
    """
    noun = {"CONSTRAINT": "check constraint", "GENERATED_COLUMNS": "generated column"}[kind]
    text = f"Cannot alter column {'.'.join(path)} because this column is referenced by the following {noun}(s):"
    said = "\n".join([text, *(f"{name} -> {one}" for name, one in texts.items())])
    return SparkError(f"DELTA_{kind}_DEPENDENT_COLUMN_CHANGE", said, sql_state="42K09")


def need_columns(configuration: Mapping[str, str], given: Iterable[str]) -> None:
    """Refuse columns that lack one of those that the CHECK constraints are about.

    Raises:
        SparkError: DELTA_CONSTRAINT_DEPENDENT_COLUMN_CHANGE.
    """
    known = {name.lower() for name in given}
    for key, text in _checks(configuration).items():
        for column in own_columns(parse(f"SELECT {text}").expressions[0]):
            if column.parts[0].name.lower() not in known:
                raise dependent("CONSTRAINT", [column.parts[0].name], {key: text})


def meeting(source: relations_pb2.Relation, configuration: Mapping[str, str]) -> relations_pb2.Relation:
    """The rows, of which one that violates a CHECK constraint fails the write."""
    for key, text in _checks(configuration).items():
        said = f"CHECK constraint {key.removeprefix(CHECKS)} ({text}) violated."
        source = required(source, text, f"[DELTA_VIOLATE_CONSTRAINT_WITH_VALUES] {said} SQLSTATE: 23001")
    return source


def matching(source: relations_pb2.Relation, condition: str) -> relations_pb2.Relation:
    """The rows, of which one that does not match the condition fails the write: Sail would add it (0.7.2)."""
    message = "Written data does not conform to the partial table overwrite condition"
    return required(source, condition, f"[DELTA_REPLACE_WHERE_MISMATCH] {message} {condition}. SQLSTATE: 44000")


def required(source: relations_pb2.Relation, condition: str, message: str) -> relations_pb2.Relation:
    """The rows, of which one that does not meet a condition fails the write.

    Args:
        source: The resolved rows.
        condition: SQL that the engine can evaluate.
        message: What is said then.
    """
    checked = relations_pb2.Relation()
    checked.filter.input.CopyFrom(source)
    said = message.replace("\\", "\\\\").replace("'", "\\'")
    expression: Any = checked.filter.condition.expression_string
    expression.expression = f"CASE WHEN ({condition}) THEN true ELSE raise_error('{said}') END"
    return checked


def _checks(configuration: Mapping[str, str]) -> dict[str, str]:
    return {key: text for key, text in configuration.items() if key.startswith(CHECKS)}
