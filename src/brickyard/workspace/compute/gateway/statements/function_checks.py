"""What CREATE FUNCTION refuses of a function: its parameters, defaults and body, before the engine sees them.

Source: https://docs.databricks.com/aws/en/sql/language-manual/sql-ref-syntax-ddl-create-sql-function
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from brickyard.workspace.compute.gateway.errors import SparkError
from brickyard.workspace.compute.gateway.names import quote
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.sqltext import parse
from brickyard.workspace.compute.gateway.statements.temporary_objects import need_lasting
from brickyard.workspace.compute.gateway.sugar.aggregates import aggregates
from brickyard.workspace.compute.gateway.sugar.calls import is_query
from brickyard.workspace.compute.gateway.sugar.names import own_columns
from brickyard.workspace.compute.gateway.sugar.routines import Parameter, Routine
from brickyard.workspace.compute.gateway.table_nodes import is_cte

__all__ = ["check", "check_columns", "not_null"]


def check(routine: Routine, session: Session, *, reads: bool) -> None:
    """Refuse a function that Spark refuses.

    Args:
        routine: The function.
        session: The session that makes it.
        reads: Whether it may read tables: that it does not is what CONTAINS SQL says.

    Raises:
        SparkError: DUPLICATE_ROUTINE_PARAMETER_NAMES, USER_DEFINED_FUNCTIONS, INVALID_TEMP_OBJ_REFERENCE, ...
    """
    _check_names(routine, "PARAMETER_NAMES", routine.parameters, "42734")
    _check_names(routine, "RETURNS_COLUMNS", routine.columns or (), "42711")
    _check_defaults(routine)
    if routine.python:
        return
    query = is_query(routine.body.lstrip("( \n"))
    if routine.is_table and not query:
        raise _invalid("SQL_TABLE_UDF_BODY_MUST_BE_A_QUERY", f"the body of {routine.full_name} must be a query")
    tree = parse(routine.body if is_query(routine.body) else f"SELECT {routine.body}")
    if not routine.is_table:
        _check_scalar(routine, tree, query=is_query(routine.body))
    if not reads:
        _check_access(routine, tree)
    if len(routine.name) > 1:
        need_lasting(tree, session, "FUNCTION", routine.name, [one.name.lower() for one in routine.parameters])


def check_columns(routine: Routine, found: int) -> None:
    """As many columns as the function says.

    Raises:
        SparkError: USER_DEFINED_FUNCTIONS.RETURN_COLUMN_COUNT_MISMATCH.
    """
    if routine.columns and len(routine.columns) != found:
        text = f"{routine.full_name} returns {len(routine.columns)} columns, its query has {found}"
        raise _invalid("RETURN_COLUMN_COUNT_MISMATCH", text)


def not_null() -> SparkError:
    """What is said of NOT NULL after a parameter or a column."""
    return _invalid("NOT_NULL_ON_FUNCTION_PARAMETERS", "parameters and columns of functions have no NOT NULL")


def _invalid(condition: str, text: str) -> SparkError:
    message = f"User defined function is invalid: {text}."
    return SparkError(f"USER_DEFINED_FUNCTIONS.{condition}", message, sql_state="42601")


def _check_names(routine: Routine, what: str, parameters: Sequence[Parameter], state: str) -> None:
    names = [one.name.lower() for one in parameters]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        text = (
            f"The function {routine.full_name} has {', '.join(map(quote, twice))} twice. Give each a name of its own."
        )
        raise SparkError(f"DUPLICATE_ROUTINE_{what}", text, sql_state=state)


def _check_defaults(routine: Routine) -> None:
    from sqlglot import exp

    for one, after in pairwise(routine.parameters):
        if one.default is not None and after.default is None:
            text = (
                f"in {routine.full_name}, {quote(after.name)} needs a default, as {quote(one.name)} before it has one"
            )
            raise _invalid("NOT_A_VALID_DEFAULT_PARAMETER_POSITION", text)
    for one in routine.parameters:
        (value,) = parse(f"SELECT {one.default or 'NULL'}").expressions
        if value.find(exp.Query) is not None:
            text = f"the default of {quote(one.name)} in {routine.full_name} must not have a subquery"
            raise _invalid("NOT_A_VALID_DEFAULT_EXPRESSION", text)
        for column in own_columns(value):
            text = f"A column, variable, or function parameter with name {quote(column.name)} cannot be resolved."
            raise SparkError("UNRESOLVED_COLUMN.WITHOUT_SUGGESTION", text, sql_state="42703")


def _check_scalar(routine: Routine, tree: Any, *, query: bool) -> None:
    """A scalar function computes one value of its arguments."""
    from sqlglot import exp

    value = tree if query else tree.expressions[0].unnest()
    if isinstance(value, exp.Select) and len(value.expressions) > 1:
        text = f"Scalar subquery should only return one column, but found {len(value.expressions)}."
        condition = "INVALID_SUBQUERY_EXPRESSION.SCALAR_SUBQUERY_RETURN_MORE_THAN_ONE_OUTPUT_COLUMN"
        raise SparkError(condition, text, sql_state="42823")
    over = any(one.find_ancestor(exp.Query) is tree for one in tree.find_all(exp.Window))
    if not query and (over or any(aggregates(tree.expressions[0]))):
        text = f"{routine.full_name} cannot contain aggregate and window functions: {routine.body}"
        raise _invalid("CANNOT_CONTAIN_COMPLEX_FUNCTIONS", text)


def _check_access(routine: Routine, tree: Any) -> None:
    from sqlglot import exp

    for table in tree.find_all(exp.Table):
        if not isinstance(table.this, exp.Func) and not is_cte(table, table.name):
            text = f"The function {routine.full_name} says CONTAINS SQL and reads {table.sql()}. Say READS SQL DATA."
            raise SparkError("INVALID_SQL_FUNCTION_DATA_ACCESS", text, sql_state="42K0E")
