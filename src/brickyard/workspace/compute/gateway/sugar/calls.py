"""Calls of functions that users have created: a call becomes the function's body, with the arguments in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from brickyard.workspace.compute.gateway.errors import SparkError, unsupported
from brickyard.workspace.compute.gateway.sugar.aggregates import aggregates, generators
from brickyard.workspace.compute.gateway.sugar.names import bind, labelled, own_columns, targets, volatile
from brickyard.workspace.compute.gateway.sugar.routines import Parameter, Routine
from brickyard.workspace.compute.gateway.sugar.scope import Scope, derived, sources
from brickyard.workspace.compute.gateway.sugar.tree import column, parse, replace, touch

__all__ = ["Find", "calls", "expand_calls", "is_query"]

#: Finds a function by the parts of its name; None if there is none.
Find = Callable[[Sequence[str]], Routine | None]
#: Makes a Python function known to the engine, and says under which name.
Install = Callable[[Routine], str]
#: Gives the tables in a body the names that they have outside of it.
Qualify = Callable[[Any, Routine], None]
DEPTH = 30


def is_query(body: str) -> bool:
    """Whether the body of a function is a query, and not an expression."""
    return body.lstrip().split(maxsplit=1)[0].upper() in {"SELECT", "WITH", "FROM", "VALUES", "TABLE"}


def calls(tree: Any) -> list[tuple[Any, tuple[str, ...]]]:
    """Each call in a tree that may be of a user's function, with the function's name."""
    from sqlglot import exp

    found = []
    for call in tree.find_all(exp.Anonymous):
        parent = call.parent
        if isinstance(parent, exp.Table) and call.arg_key == "this":
            parts = [part.name for part in (parent.args.get("catalog"), parent.args.get("db")) if part is not None]
        elif isinstance(parent, exp.Dot) and call.arg_key == "expression":
            parts = _parts(parent.this)
        else:
            parts = []
        found.append((call, (*parts, call.name)))
    return found


def _parts(node: Any) -> list[str]:
    from sqlglot import exp

    if isinstance(node, exp.Dot):
        return [*_parts(node.this), node.expression.name]
    return [part.name for part in node.parts] if isinstance(node, exp.Column) else [node.name]


def expand_calls(
    tree: Any, find: Find, install: Install, scope: Scope, qualify: Callable[[Any, Routine], None]
) -> None:
    """Replace the calls in a statement, and those in the bodies that take their place.

    Args:
        tree: The statement; it is changed.
        find: Finds functions.
        install: Makes Python functions known to the engine.
        scope: Says what is a column.
        qualify: Gives the tables in a body the names that they have outside of it.
    """
    for _ in range(DEPTH):
        found = [(call, routine) for call, parts in calls(tree) if (routine := find(parts)) is not None]
        if not found:
            return
        call, routine = found[-1]  # the innermost and last one first: arguments before the calls around them
        _expand(call, routine, install, scope, qualify)
    raise unsupported(f"functions that call each other more than {DEPTH} times in a statement", "Use fewer calls.")


def _expand(call: Any, routine: Routine, install: Install, scope: Scope, qualify: Any) -> None:
    from sqlglot import exp

    arguments = _arguments(call, routine)
    place = call.parent if isinstance(call.parent, exp.Dot) and call.arg_key == "expression" else call
    if routine.python:
        body: Any = exp.Anonymous(this=install(routine), expressions=[one for _, one in arguments])
    else:
        body = _body(call, routine, arguments, scope, qualify)
    if routine.is_table:
        _put_table(call, body, routine, scope)
        return
    if isinstance(body, exp.Query):
        body = exp.Subquery(this=body)
    if routine.returns and not routine.python:
        body = exp.Cast(this=body, to=exp.DataType.build(routine.returns, dialect="databricks"))
    name = f"{routine.full_name}({', '.join(one.sql(dialect='databricks') for one in call.expressions)})"
    replace(labelled(place, name), body if isinstance(body, exp.Cast | exp.Func) else exp.Paren(this=body))


def _arguments(call: Any, routine: Routine) -> list[tuple[Parameter, Any]]:
    """The argument of each parameter, in its type."""
    from sqlglot import exp

    given = list(call.expressions)
    named = {one.this.name.lower(): one.expression for one in given if isinstance(one, exp.Kwarg | exp.PropertyEQ)}
    positional = [one for one in given if not isinstance(one, exp.Kwarg | exp.PropertyEQ)]
    pairs = []
    for at, parameter in enumerate(routine.parameters):
        if at < len(positional):
            value = positional[at].copy()
        elif parameter.name.lower() in named:
            value = named.pop(parameter.name.lower()).copy()
        elif parameter.default is not None:
            value = parse(f"SELECT {parameter.default}").expressions[0]
        else:
            raise _arity(routine, len(given))
        kind = exp.DataType.build(parameter.kind, dialect="databricks")
        pairs.append((parameter, exp.Cast(this=value, to=kind)))
    if len(positional) > len(routine.parameters) or named:
        raise _arity(routine, len(given))
    return pairs


def _arity(routine: Routine, given: int) -> SparkError:
    needed = sum(one.default is None for one in routine.parameters)
    most = len(routine.parameters)
    return SparkError(
        "WRONG_NUM_ARGS.WITHOUT_SUGGESTION",
        f"The `{routine.full_name}` requires {needed if needed == most else f'{needed} to {most}'} parameters but the "
        f"actual number is {given}.",
        sql_state="42605",
    )


def _body(call: Any, routine: Routine, arguments: list[tuple[Parameter, Any]], scope: Scope, qualify: Qualify) -> Any:
    """The function's body with the arguments in place of the parameters: an expression or a query."""
    from sqlglot import exp

    tree = parse(routine.body if is_query(routine.body) else f"SELECT {routine.body}")
    inner = tree.expressions[0].unnest() if len(tree.expressions) == 1 else tree
    tree = inner.copy() if _is_expression(inner) else tree
    query = is_query(routine.body) and (routine.is_table or not _is_expression(tree))
    qualify(tree, routine)  # before the arguments are in it, whose names are those of the statement
    values = {parameter.name.lower(): value for parameter, value in arguments}
    if any(tree.find_all(exp.Table, exp.Subquery)):
        _separate(tree)
        for value in values.values():
            _qualify(value, call, routine, scope)
    uses = [one.parts[-1].name.lower() for one in tree.find_all(exp.Column)]
    for name, value in values.items():
        if volatile(value) and uses.count(name) > 1:
            raise unsupported(
                f"a random argument for {name} of {routine.full_name}, used more than once", "Use a subquery."
            )
    qualifiers = frozenset({(routine.name[-1].lower(),), tuple(part.lower() for part in routine.name)})
    tree = bind(tree, values, scope, qualifiers)
    touch(tree)
    if query:
        return tree
    item = tree.expressions[0]
    item = item.this if isinstance(item, exp.Alias) else item
    return item.copy()


def _is_expression(tree: Any) -> bool:
    """Whether a query only computes one expression, which can stand without its SELECT."""
    from sqlglot import exp

    if not isinstance(tree, exp.Select) or {key for key, value in tree.args.items() if value} != {"expressions"}:
        return False
    (item, *others) = tree.expressions
    return not (others or item.is_star or generators(item) or any(aggregates(item)) or item.find(exp.Window))


def _put_table(call: Any, query: Any, routine: Routine, scope: Scope) -> None:
    """A table function stands in FROM or after LATERAL."""
    from sqlglot import exp

    source = call.parent
    if not isinstance(source, exp.Table | exp.Lateral):
        raise unsupported(f"the table function {routine.full_name} outside FROM", "Use SELECT * FROM it.")
    name = source.alias or routine.name[-1]
    columns = [one.name for one in source.args["alias"].columns] if source.args.get("alias") else []
    if routine.columns:
        query = _returned(query, routine.columns)
    table = derived(query, name, columns)
    if isinstance(source, exp.Lateral):
        kept = columns or not _bared(call, name.lower(), scope)  # Sail correlates less with an alias (0.7.2)
        source.set("alias", table.args["alias"] if kept else None)
        source.set("this", exp.Subquery(this=query))
        touch(source)
    else:
        replace(source, table)


def _bared(call: Any, name: str, scope: Scope) -> bool:
    """Whether nothing needs the alias of a function after LATERAL; columns that have no other of their name lose it."""
    from sqlglot import exp

    select = call.find_ancestor(exp.Select)
    uses = [one for one in call.root().find_all(exp.Column) if one.table.lower() == name]
    others = [one for one in _around(call) if not isinstance(one, exp.Lateral)]
    alone = len(others) == len(_around(call))
    for one in uses:
        plain = len(one.parts) == 2 and not one.is_star and one.find_ancestor(exp.Select) is select
        if not (plain and alone) or any(_answer(other, one.name, scope) is not False for other in others):
            return False
    for one in uses:
        replace(one, column(one.name))
    return True


def _returned(query: Any, columns: Sequence[Parameter]) -> Any:
    """The query of a table function with the columns that it returns: in the query itself, if that is plain."""
    from sqlglot import exp

    plain = _is_plain(query, len(columns))
    labels = [f"_c{at}" for at in range(len(columns))]
    items = [one.unalias() for one in query.expressions] if plain else [column(label) for label in labels]
    kinds = [exp.DataType.build(one.kind, dialect="databricks") for one in columns]
    casts = [exp.Cast(this=item, to=kind) for item, kind in zip(items, kinds, strict=True)]
    named = [exp.alias_(cast, one.name, quoted=True) for cast, one in zip(casts, columns, strict=True)]
    if not plain:
        return exp.Select(expressions=named, from_=exp.From(this=derived(query, "_returned", labels)))
    query.set("expressions", named)
    touch(query)
    return query


def _is_plain(query: Any, columns: int) -> bool:
    """Whether the items of a query can be cast where they stand: nothing else in it is about them."""
    from sqlglot import exp

    if not isinstance(query, exp.Select) or len(query.expressions) != columns:
        return False
    if not {key for key, value in query.args.items() if value} <= {"expressions", "from_", "joins", "where", "with_"}:
        return False
    aliases = {one.alias.lower() for one in query.expressions if isinstance(one, exp.Alias)}
    used = {one.parts[0].name.lower() for one in query.find_all(exp.Column)}
    return not any(one.is_star or generators(one) for one in query.expressions) and aliases.isdisjoint(used)


def _separate(tree: Any) -> None:
    """Rename the inputs of a body: a column of the query around it can then not be taken for one of theirs."""
    from sqlglot import exp

    ctes = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    renamed: dict[str, str] = {}
    for source in tree.find_all(exp.Table, exp.Subquery, exp.Lateral):
        name = source.alias_or_name
        if not name or not isinstance(source.parent, exp.From | exp.Join | exp.Select):
            continue
        renamed[name.lower()] = f"_in_{name}"
        alias = source.args.get("alias") or exp.TableAlias()
        alias.set("this", exp.to_identifier(f"_in_{name}", quoted=True))
        source.set("alias", alias)
        touch(source)
    for one in tree.find_all(exp.Column):
        first = one.parts[0]
        if len(one.parts) > 1 and first.name.lower() in renamed and first.name.lower() not in ctes - set(renamed):
            first.set("this", renamed[first.name.lower()])
            touch(first)


def _qualify(value: Any, call: Any, routine: Routine, scope: Scope) -> None:
    """Say of each column of an argument which input it belongs to, since the body has inputs of its own."""
    for one in list(own_columns(value)):
        found = [source for source in _around(call) if source.alias_or_name.lower() == one.parts[0].name.lower()]
        if found and len(one.parts) > 1:
            continue
        owners = [source for source in _around(call) if _has(source, one.parts[0].name, scope)]
        if len(owners) != 1 or not owners[0].alias_or_name:
            raise unsupported(
                f"the argument {one.sql()} of {routine.full_name}, whose body is a query", "Write table.column."
            )
        qualified = column(owners[0].alias_or_name, *[part.name for part in one.parts])
        replace(one, qualified)


def _around(call: Any) -> list[Any]:
    """The inputs of the query or statement that a call stands in."""
    from sqlglot import exp

    select = call.find_ancestor(exp.Select)
    found = list(sources(select)) if select is not None else list(targets(call))
    above = {id(one) for one in _above(call)}
    return [one for one in found if id(one) not in above]


def _above(node: Any) -> Iterator[Any]:
    while node is not None:
        yield node
        node = node.parent


def _has(source: Any, name: str, scope: Scope) -> bool:
    return _answer(source, name, scope) is True


def _answer(source: Any, name: str, scope: Scope) -> bool | None:
    from sqlglot import exp

    return scope.has_column(exp.Select(from_=exp.From(this=source.copy())), name)
