"""Names that stand for an expression: aliases used further right in the same select list, variables, parameters."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from typing import Any

from brickyard.workspace.compute.gateway.errors import unsupported
from brickyard.workspace.compute.gateway.sugar.aggregates import function_name, generators
from brickyard.workspace.compute.gateway.sugar.scope import Scope, aliases
from brickyard.workspace.compute.gateway.sugar.tree import replace

__all__ = [
    "bind",
    "is_lambda_argument",
    "labelled",
    "lateral_aliases",
    "own_columns",
    "substitute",
    "targets",
    "volatile",
]

VOLATILE = frozenset(
    ["rand", "randn", "random", "uuid", "randstr", "uniform", "shuffle", "monotonically_increasing_id"]
)


def own_columns(node: Any) -> Iterator[Any]:
    """The columns of an expression; not those of subqueries in it, nor arguments of lambdas."""
    from sqlglot import exp

    if isinstance(node, exp.Query):
        return
    if isinstance(node, exp.Column):
        yield node
    hidden = {one.name.lower() for one in node.expressions} if isinstance(node, exp.Lambda) else set()
    for child in node.iter_expressions():
        for column in own_columns(child):
            if column.parts[0].name.lower() not in hidden:
                yield column


def volatile(node: Any) -> bool:
    """Whether the expression may give another value each time."""
    from sqlglot import exp

    return any(function_name(one) in VOLATILE for one in node.find_all(exp.Func))


def substitute(column: Any, value: Any, used: int = 1) -> None:
    """Put an expression in place of the first `used` parts of a column's name; further parts are fields of it."""
    from sqlglot import exp

    atoms = (exp.Column, exp.Literal, exp.Paren, exp.Func, exp.Subquery)
    new: Any = value.copy() if isinstance(value, atoms) else exp.Paren(this=value.copy())
    for part in column.parts[used:]:
        new = exp.Dot(this=new, expression=exp.to_identifier(part.name, quoted=True))
    replace(column, new)


def _keep_fields(tree: Any, names: Container[str]) -> None:
    """Arguments of `struct()` that are one of the names, in lower case, name its fields when they are replaced, too."""
    from sqlglot import exp

    for column in list(tree.find_all(exp.Column)):
        struct, name = column.parent, column.parts[-1].name
        if isinstance(struct, exp.Anonymous) and struct.name.lower() == "struct" and name.lower() in names:
            replace(column, exp.alias_(column.copy(), name, quoted=True))


def lateral_aliases(select: Any, scope: Scope) -> None:
    """`SELECT a + 1 AS b, b * 2 AS c`: an alias may be used to its right, unless an input has a column of that name."""
    from sqlglot import exp

    known: dict[str, Any] = {}
    used: set[str] = set()
    for item in list(select.expressions):
        _keep_fields(item, known)
        uses = [column for column in own_columns(item) if column.parts[0].name.lower() in known]
        for column in uses:
            name = column.parts[0].name.lower()
            if scope.has_column(select, name) is not False or name in _sources(select, column):
                continue
            if volatile(known[name]):
                raise unsupported(f"the alias {name} of a random value in the same SELECT", "Use a subquery.")
            if generators(known[name]):
                raise unsupported(
                    f"the alias {name} of a generator in the same SELECT", "Use LATERAL VIEW, or a subquery."
                )
            substitute(labelled(column, column.parts[-1].name), known[name])
            used.add(name)
        if isinstance(item, exp.Alias):
            known[item.alias.lower()] = item.this
    group = select.args.get("group")
    for key in list(group.expressions) if group is not None and used else []:
        if isinstance(key, exp.Column) and len(key.parts) == 1 and key.name.lower() in used:
            value = known[key.name.lower()]
            if not isinstance(value, exp.Literal):  # which would be a position
                replace(key, value.copy())


def _sources(select: Any, column: Any) -> list[str]:
    """The names of inputs, if the column's first part could be one."""
    return [alias.lower() for alias in aliases(select)] if len(column.parts) > 1 else []


def bind(tree: Any, values: Mapping[str, Any], scope: Scope, qualifiers: frozenset[tuple[str, ...]]) -> Any:
    """Replace names that are no columns by the expressions that they stand for.

    Args:
        tree: A statement or an expression; it is changed.
        values: The expressions by name, in lower case.
        scope: Says what is a column.
        qualifiers: What may stand before a name, for example `session`.

    Returns:
        The tree, or what replaces it.
    """
    from sqlglot import exp

    _keep_fields(tree, values)
    holder = exp.Tuple(expressions=[tree]) if tree.parent is None else None
    for columns in _inner_first(tree):
        found = []
        for column in columns:
            parts = tuple(part.name.lower() for part in column.parts)
            used = _used(column, parts, values, scope, qualifiers)
            if used:
                found.append((column, values[parts[used - 1]], used))
        for column, value, used in found:  # after the search, which looks at aliases
            substitute(labelled(column, column.parts[-1].name), value, used)
    if holder is None:
        return tree
    result = holder.expressions[0]
    result.parent = None
    return result


def _inner_first(tree: Any) -> list[list[Any]]:
    """The columns of each SELECT; those of a SELECT whose inputs others are come after them."""
    from sqlglot import exp

    groups: dict[int, list[Any]] = {}
    depths: dict[int, int] = {}
    for column in tree.find_all(exp.Column):
        select = column.find_ancestor(exp.Select)
        groups.setdefault(id(select), []).append(column)
        if id(select) not in depths:
            around = select.find_ancestor(exp.Select) if select is not None else None
            depth = 0 if select is None else 1
            while around is not None:
                depth, around = depth + 1, around.find_ancestor(exp.Select)
            depths[id(select)] = depth
    return [groups[key] for key in sorted(groups, key=lambda key: -depths[key])]


def _used(
    column: Any,
    parts: tuple[str, ...],
    values: Mapping[str, Any],
    scope: Scope,
    qualifiers: frozenset[tuple[str, ...]],
) -> int:
    """How many parts of the column's name are the name of a value; 0 if it is a column."""
    for qualifier in qualifiers:
        if parts[: len(qualifier)] == qualifier and parts[len(qualifier) :][:1] and parts[len(qualifier)] in values:
            return len(qualifier) + 1
    if parts[0] not in values or is_lambda_argument(column, parts[0]):
        return 0
    from sqlglot import exp

    select = column.find_ancestor(exp.Select)
    while select is not None:
        if parts[0] in _sources(select, column) or _is_alias(select, column, parts[0]):
            return 0
        if scope.has_column(select, parts[0], column) is not False:
            return 0
        select = _around(select)
    return 0 if any(_has(target, column, scope) for target in targets(column)) else 1


def _around(select: Any) -> Any:
    """The SELECT around one; not that which it is a common table expression of."""
    from sqlglot import exp

    around = select.find_ancestor(exp.CTE, exp.Select)
    return around if around is None or around.key != "cte" else around.parent.parent.find_ancestor(exp.Select)


def targets(column: Any) -> Iterator[Any]:
    """The tables of the UPDATE, DELETE or MERGE around a column."""
    from sqlglot import exp

    change = column.find_ancestor(exp.Update, exp.Delete, exp.Merge)
    while change is not None:
        for key in () if _is_inside(column, change.args.get("using")) else ("this", "using"):
            if isinstance(change.args.get(key), exp.Table | exp.Subquery):
                yield change.args[key]
        change = change.find_ancestor(exp.Update, exp.Delete, exp.Merge)  # MERGE holds an UPDATE without a table


def _is_inside(node: Any, around: Any) -> bool:
    """Whether a node is a part of another: the source of a MERGE sees no table of it."""
    while node is not None and node is not around:
        node = node.parent
    return node is not None


def _has(source: Any, column: Any, scope: Scope) -> bool:
    """Whether a column may be one of a table or a subquery, or start with its name."""
    from sqlglot import exp

    name = column.parts[0].name
    if source.alias_or_name.lower() == name.lower():
        return True
    return scope.has_column(exp.Select(from_=exp.From(this=source.copy())), name) is not False


def _is_alias(select: Any, column: Any, name: str) -> bool:
    """Whether the name is an alias of the select list, at a place where aliases can be used."""
    from sqlglot import exp

    clause = column
    while clause.parent is not select:
        clause = clause.parent
    items = select.expressions
    if clause.arg_key == "expressions":
        items = items[: next(at for at, item in enumerate(items) if item is clause)]
    elif clause.arg_key not in {"order", "group", "having", "qualify"}:
        return False
    return name in {item.alias.lower() for item in items if isinstance(item, exp.Alias)}


def is_lambda_argument(column: Any, name: str) -> bool:
    """Whether a lambda function around a node has an argument of a name, in lower case."""
    from sqlglot import exp

    around = column.find_ancestor(exp.Lambda)
    while around is not None:
        if name in {argument.name.lower() for argument in around.expressions}:
            return True
        around = around.find_ancestor(exp.Lambda)
    return False


def labelled(node: Any, name: str) -> Any:
    """The node, which keeps its name as an item of a select list when it is replaced."""
    from sqlglot import exp

    if isinstance(node.parent, exp.Select) and node.arg_key == "expressions":
        return replace(node, exp.alias_(node.copy(), name, quoted=True)).this
    return node
