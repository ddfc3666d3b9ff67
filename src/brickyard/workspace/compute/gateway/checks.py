"""Conditions that rows must meet: CHECK constraints, and the conditions of what is replaced.

Source: https://docs.databricks.com/aws/en/sql/language-manual/sql-ref-syntax-ddl-alter-table-add-constraint
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pyspark.sql.connect.proto import relations_pb2

from brickyard.workspace.compute.gateway.errors import SparkError
from brickyard.workspace.compute.gateway.log import CHECKS
from brickyard.workspace.compute.gateway.sqltext import parse
from brickyard.workspace.compute.gateway.sugar.names import own_columns

__all__ = ["dependent", "meeting", "need_columns", "required", "uses"]


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
