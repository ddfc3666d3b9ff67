"""UPDATE, DELETE and MERGE of a table with a row filter or column masks.

The statement's user changes only rows that they get, and every condition and value of it sees the values that they get.
What is hidden from them stays as it is: a row that the filter takes away is neither matched nor changed, and a masked
column that is given no value keeps its own.

Where the policies are expressions, they take the place of the columns' names in the statement. Where they look into
other tables, the rows of an UPDATE or DELETE are chosen by a query (see `subqueries`); MERGE is refused then, as it is
on Databricks.

Source: https://docs.databricks.com/aws/en/data-governance/unity-catalog/filters-and-masks/ (limitations)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from brickyard.workspace.compute.gateway.errors import SparkError, unsupported
from brickyard.workspace.compute.gateway.names import quote
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.sqltext import Cursor, Edit, splice
from brickyard.workspace.compute.gateway.sugar.names import own_columns, volatile
from brickyard.workspace.compute.gateway.unity import Table
from brickyard.workspace.compute.gateway.values.spans import parse_spans, span

__all__ = ["guarded"]


@dataclass(frozen=True)
class _View:
    """What a statement's user sees of the table that it changes.

    Args:
        names: What the table's columns can be called by, without and with the table; in lower case.
        values: SQL of each column, by its name in lower case; null in the rows that the user does not get.
        rows: SQL of the condition that the user gets a row; empty if they get all.
        others: Columns, in lower case, of the other side of a MERGE.
    """

    names: frozenset[tuple[str, ...]]
    values: dict[str, str]
    rows: str
    others: frozenset[str]


def guarded(sql: str, session: Session, table: Table) -> str | None:
    """The statement with what its user sees instead of what the table has; None if a query must choose the rows.

    Raises:
        SparkError: ROW_LEVEL_SECURITY_MERGE_UNSUPPORTED_TARGET and its kin; AMBIGUOUS_REFERENCE.
    """
    from sqlglot import exp

    tree = parse_spans(sql)
    merge = isinstance(tree, exp.Merge)
    _need_names(tree)
    if not merge and tree.find(exp.Query):
        return None
    fields = list(session.schema_of(table.directory).fields)
    alias = tree.this.alias or table.name.name
    rows, values = _policies(session, table, fields, alias)
    if not _is_plain([rows, *values.values()]):
        if merge:
            what = "MERGE, with subqueries or random functions in the policies,"
            raise table.policies.refused(str(table.name), "MERGE_UNSUPPORTED_TARGET", what)
        return None
    if rows:
        values = {name: f"(CASE WHEN {rows} THEN {value} END)" for name, value in values.items()}
    own = (tree.this.alias,) if tree.this.alias else (table.name.catalog, table.name.schema, table.name.name)
    names = frozenset(tuple(one.lower() for one in own[at:]) for at in range(len(own) + 1))
    view = _View(names, values, rows, _others(sql, tree, session) if merge else frozenset())
    edits = [*_seen(sql, tree, view), *(_limited(sql, tree, view) if rows else ())]
    return splice(sql, edits)


def _need_names(tree: Any) -> None:
    """Refuse what could name a hidden value without saying so.

    Raises:
        SparkError: UNSUPPORTED_BY_ENGINE.
    """
    from sqlglot import exp

    using = tree.args.get("using")
    inside = {id(node) for node in using.walk()} if isinstance(using, exp.Expression) else set()
    for node in tree.find_all(exp.Star, exp.Anonymous):
        above = node.parent
        counted = isinstance(above, exp.Anonymous) and above.name.lower() == "count"
        if isinstance(node, exp.Anonymous):
            fine = node.name.lower() != "identifier"
        else:
            fine = counted or isinstance(above, exp.Select | exp.Update | exp.Insert)
        if not fine and id(node) not in inside:
            raise unsupported(
                "`*` or identifier() in a change of a table with a row filter or masks", "Name the columns."
            )
    if isinstance(tree, exp.Merge) and any(part.find(exp.Query) for part in _read(tree)):
        raise unsupported("a subquery in a MERGE into a table with a row filter or masks", "Join it into the source.")


def _policies(session: Session, table: Table, fields: Sequence[Any], alias: str) -> tuple[str, dict[str, str]]:
    """SQL of the row filter, and of each column."""
    policies = table.policies
    items = [f"{policies.value(field, alias)} AS {quote(field.name)}" for field in fields]
    if policies.row_filter is not None:
        items.append(f"{policies.row_filter.call(alias)} AS {quote('rows of the reader')}")
    text = session.rewriter().spelled(table, items, alias)
    found = []
    for item in parse_spans(text).expressions:
        place = span(item.this)
        if place is None:
            raise unsupported(f"a change of {table.name} with this row filter or mask", "Write the function otherwise.")
        found.append(text[slice(*place)])
    values = dict(zip((field.name.lower() for field in fields), found, strict=False))
    return (f"({found[-1]})" if policies.row_filter is not None else ""), values


def _is_plain(expressions: Sequence[str]) -> bool:
    """Whether policies are expressions of the row alone."""
    from sqlglot import exp

    trees = [parse_spans(f"SELECT {one}").expressions[0] for one in expressions if one]
    return not any(tree.find(exp.Query, exp.Window) or volatile(tree) for tree in trees)


def _others(sql: str, tree: Any, session: Session) -> frozenset[str]:
    """The columns of the source of a MERGE."""
    place = span(tree.args["using"])
    if place is None:
        raise unsupported("this MERGE into a table with a row filter or masks", "Write MERGE INTO ... USING ... ON ...")
    source = session.relation(f"SELECT * FROM {sql[slice(*place)]}")
    return frozenset(name.lower() for name in session.schema(source).names)


def _seen(sql: str, tree: Any, view: _View) -> Iterator[Edit]:
    """The places of columns of the table, where they are read."""
    for part in _read(tree):
        for column in own_columns(part):
            name = _named(column, view)
            if name is not None:
                used, key = name
                last = column.parts[used - 1]
                yield Edit(column.parts[0].meta["start"], last.meta["end"] + 1, view.values[key])


def _read(tree: Any) -> Iterator[Any]:
    """The expressions of a statement that see rows of the table."""
    from sqlglot import exp

    yield from (part for part in (tree.args.get("where"), tree.args.get("on")) if part is not None)
    changes = [tree] if isinstance(tree, exp.Update) else []
    for when in tree.args["whens"].expressions if isinstance(tree, exp.Merge) else ():
        if when.args.get("matched") or when.args.get("source"):
            yield from (part for part in (when.args.get("condition"),) if part is not None)
            changes += [when.args["then"]] if isinstance(when.args["then"], exp.Update) else []
    for change in changes:
        for pair in change.expressions:
            if isinstance(pair, exp.EQ) and isinstance(pair.this, exp.Column):
                yield pair.expression
            elif not isinstance(pair, exp.Star):
                raise unsupported("this assignment in a table with a row filter or masks", "Put the value in brackets.")


def _named(column: Any, view: _View) -> tuple[int, str] | None:
    """How many parts of a name name a column of the table, and which; None if it is another's.

    Raises:
        SparkError: AMBIGUOUS_REFERENCE.
    """
    parts = [part.name.lower() for part in column.parts]
    for used in range(len(parts), 0, -1):
        if tuple(parts[: used - 1]) in view.names and parts[used - 1] in view.values:
            if used == 1 and parts[0] in view.others:
                text = f"Reference {quote(column.parts[0].name)} is ambiguous: both sides of the MERGE have it."
                raise SparkError("AMBIGUOUS_REFERENCE", text, sql_state="42704")
            return used, parts[used - 1]
    return None


def _limited(sql: str, tree: Any, view: _View) -> Iterator[Edit]:
    """The condition that the user gets the row, wherever rows are chosen."""
    from sqlglot import exp

    end = Cursor(sql).tokens[-1].end + 1
    if isinstance(tree, exp.Merge):
        yield from _and(tree.args["on"], view.rows)
        yield from _unmatched(sql, tree, view.rows)
    elif tree.args.get("where") is None:
        yield Edit(end, end, f" WHERE {view.rows}")
    else:
        yield from _and(tree.args["where"].this, view.rows)


def _unmatched(sql: str, tree: Any, rows: str) -> Iterator[Edit]:
    """Rows without a match in the source: those of the user."""
    bare = [when for when in tree.args["whens"].expressions if when.args.get("source") and not when.args["matched"]]
    for when in bare:
        if when.args.get("condition") is not None:
            yield from _and(when.args["condition"], rows)
    tokens = Cursor(sql).tokens
    for before, token, after in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if [one.text.upper() for one in (before, token, after)] == ["BY", "SOURCE", "THEN"]:
            yield Edit(token.end + 1, token.end + 1, f" AND {rows}")


def _and(condition: Any, rows: str) -> Iterator[Edit]:
    place = span(condition)
    if place is None:
        raise unsupported("this condition in a table with a row filter or masks", "Put it in brackets.")
    yield Edit(place[0], place[0], f"{rows} AND (")
    yield Edit(place[1], place[1], ")")
