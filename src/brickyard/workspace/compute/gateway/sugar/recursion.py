"""WITH RECURSIVE: the step is run until it gives no rows; the query then reads what was found.

Source: https://docs.databricks.com/aws/en/sql/language-manual/sql-ref-syntax-qry-select-cte
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from brickyard.workspace.compute.gateway.errors import SparkError
from brickyard.workspace.compute.gateway.sqltext import Edit, splice, tokenize
from brickyard.workspace.compute.gateway.sugar.recursive_places import check_places
from brickyard.workspace.compute.gateway.sugar.scope import derived, with_ctes
from brickyard.workspace.compute.gateway.sugar.tree import render, touch

__all__ = ["HELD", "Runner", "unroll", "without_levels"]

#: How the names of views begin that hold rows for one statement.
HELD = "__held_"
FAILED = "org.apache.spark.SparkException"
LEVELS = 100
ROWS = 1_000_000
#: Clauses that need all rows.
MORE = ("where", "group", "having", "qualify", "order", "sort", "distinct", "joins", "laterals", "offset", "windows")


@dataclass(frozen=True)
class Runner:
    """Runs what a recursion needs.

    Args:
        rows: The rows of a query.
        hold: Keeps rows under a name that queries can read; the rows before them under that name are forgotten.
        schema: The `StructType` of a query.
    """

    rows: Callable[[str], pa.Table]
    hold: Callable[[str, pa.Table], None]
    schema: Callable[[str], Any]


def without_levels(sql: str) -> tuple[str, int]:
    """The statement without `MAX RECURSION LEVEL n`, and n."""
    tokens, edits, levels = tokenize(sql), [], LEVELS
    for at, token in enumerate(tokens):
        words = [one.text.upper() for one in tokens[at : at + 3]]
        if words == ["MAX", "RECURSION", "LEVEL"] and at + 3 < len(tokens) and tokens[at + 3].text.isdigit():
            levels = int(tokens[at + 3].text)
            edits.append(Edit(token.start, tokens[at + 3].end + 1, ""))
    return splice(sql, edits), levels


def unroll(tree: Any, levels: int, runner: Runner | None) -> None:
    """Replace recursive CTEs by tables that hold their rows.

    Args:
        tree: The statement; it is changed.
        levels: How often a step may be repeated.
        runner: Runs the steps; without it, only the types matter, and the rows are those of the anchor.

    Raises:
        SparkError: INVALID_RECURSIVE_CTE, RECURSION_LEVEL_LIMIT_EXCEEDED, ...
    """
    from sqlglot import exp

    for clause in list(tree.find_all(exp.With))[::-1]:
        if not clause.args.get("recursive"):
            continue
        for cte in clause.expressions:
            if _mentions(cte.this, cte.alias):
                anchor, step = _parts(cte)
                check_places(step, cte.alias)
                query = _whole(anchor, cte)
                if runner is not None:
                    enough = _enough(clause.parent, cte.alias)
                    query = _select(_Loop(cte, step, levels, enough, runner).run(render(query)))
                cte.set("this", query)
                touch(cte)
        clause.set("recursive", None)
        touch(clause)


def _mentions(node: Any, name: str) -> bool:
    from sqlglot import exp

    return any(not one.args.get("db") and one.name.lower() == name.lower() for one in node.find_all(exp.Table))


def _parts(cte: Any) -> tuple[Any, Any]:
    from sqlglot import exp

    query = cte.this
    if isinstance(query, exp.Union) and query.args.get("distinct"):
        raise SparkError(
            "UNION_NOT_SUPPORTED_IN_RECURSIVE_CTE",
            "The UNION operator is not yet supported within recursive common table expressions (WITH clauses that "
            "refer to themselves, directly or indirectly). Please use UNION ALL instead.",
            sql_state="42836",
        )
    if not isinstance(query, exp.Union) or _mentions(query.this, cte.alias):
        raise SparkError(
            "INVALID_RECURSIVE_CTE",
            "Invalid recursive definition found. Recursive queries must contain an UNION or an UNION ALL statement "
            "with 2 children. The first child needs to be the anchor term without any recursive references.",
            sql_state="42836",
        )
    return query.this, query.expression


def _whole(query: Any, cte: Any) -> Any:
    """A part of a CTE as a query of its own, with the columns of the CTE."""
    from sqlglot import exp

    columns = [one.name for one in cte.args["alias"].columns]
    whole = exp.Select(expressions=[exp.Star()], from_=exp.From(this=derived(query.unnest().copy(), "_part", columns)))
    return with_ctes(whole, cte)


def _select(name: str) -> Any:
    from sqlglot import exp

    return exp.Select(
        expressions=[exp.Star()], from_=exp.From(this=exp.Table(this=exp.to_identifier(name, quoted=True)))
    )


def _enough(query: Any, name: str) -> int:
    """How many rows a query takes that does nothing but to take the first ones; -1 for all."""
    from sqlglot import exp

    limit: Any = query.args.get("limit") if isinstance(query, exp.Select) else None
    source = query.args["from_"].this if limit is not None and query.args.get("from_") else None
    if not isinstance(source, exp.Table) or source.name.lower() != name.lower() or any(map(query.args.get, MORE)):
        return -1
    if not all(isinstance(one.unalias(), exp.Column | exp.Star) for one in query.expressions):
        return -1  # a function may make one row of all, or many of one
    count = limit.expression
    return int(count.name) if isinstance(count, exp.Literal) and count.name.isdigit() else -1


@dataclass(frozen=True)
class _Loop:
    cte: Any
    step: Any
    levels: int
    enough: int
    runner: Runner

    def run(self, anchor: str) -> str:
        """The name under which all rows are held."""
        run = uuid.uuid4().hex
        latest, every = f"{HELD}step_{run}", f"{HELD}{run}"
        kinds = self.runner.schema(anchor)
        found = _nullable(self.runner.rows(anchor))
        parts, rows, step = [found], found.num_rows, render(self._step(latest))
        for level in range(self.levels + 1):
            if not found.num_rows or 0 <= self.enough <= rows:
                break
            if level == self.levels:
                raise _exceeded("LEVEL", self.levels)
            self.runner.hold(latest, found)
            if level == 0:
                _compare(kinds, self.runner.schema(step))
            found = self.runner.rows(step).rename_columns(parts[0].column_names).cast(parts[0].schema)
            parts.append(found)
            rows += found.num_rows
            if rows > ROWS:
                raise _exceeded("ROW", ROWS)
        self.runner.hold(latest, parts[0].slice(0, 0))
        self.runner.hold(every, pa.concat_tables(parts))
        return every

    def _step(self, name: str) -> Any:
        """The step over the rows that the one before it gave."""
        from sqlglot import exp

        whole = _whole(self.step, self.cte)
        for table in list(whole.find_all(exp.Table)):
            if not table.args.get("db") and table.name.lower() == self.cte.alias.lower():
                if not table.alias:
                    table.set("alias", exp.TableAlias(this=exp.to_identifier(self.cte.alias, quoted=True)))
                table.set("this", exp.to_identifier(name, quoted=True))
                touch(table)
        return whole


def _nullable(rows: pa.Table) -> pa.Table:
    """The rows of an anchor; those of a step may have nulls where they have none."""
    return rows.cast(pa.schema([field.with_nullable(True) for field in rows.schema]))


def _compare(anchor: Any, step: Any) -> None:
    for one, two in zip(anchor.fields, step.fields, strict=False):
        left, right = (field.dataType.simpleString() for field in (one, two))
        if left != right:
            raise SparkError(
                "CANNOT_MERGE_INCOMPATIBLE_DATA_TYPE",
                f'Failed to merge incompatible data types "{left.upper()}" and "{right.upper()}". Cast the columns of '
                "the step to the types of the anchor.",
                kind=FAILED,
                sql_state="42825",
            )


def _exceeded(what: str, limit: int) -> SparkError:
    more = "WITH RECURSIVE t(col) MAX RECURSION LEVEL 200" if what == "LEVEL" else "a condition in the step"
    return SparkError(
        f"RECURSION_{what}_LIMIT_EXCEEDED",
        f"Recursion {what.lower()} limit {limit} reached but query has not exhausted, try increasing it like '{more}'.",
        kind=FAILED,
        sql_state="42836",
    )
