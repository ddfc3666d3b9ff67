"""The columns of a SELECT: which have no name of their own, and what their aliases mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from brickyard.workspace.compute.gateway.values.binding import GENERATORS
from brickyard.workspace.compute.gateway.values.calls import name_of, operators, parents
from brickyard.workspace.compute.gateway.values.correction import Site
from brickyard.workspace.compute.gateway.values.scopes import scope_of
from brickyard.workspace.compute.gateway.values.spans import span

__all__ = ["aliased", "items", "said"]

#: Comparisons, by the names of their nodes.
SIGNS = {"eq": "=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "nullsafeeq": "<=>"}


def items(sites: Sequence[Site]) -> list[Any]:
    """The columns without a name of their own in which one of the calls stands."""
    from sqlglot import exp

    found: dict[int, Any] = {}
    for site in sites:
        node = site.node
        if site.name in GENERATORS:
            continue  # it makes columns of its own
        while node is not None and not (isinstance(node.parent, exp.Select) and node.arg_key == "expressions"):
            node = node.parent
        if node is not None and not isinstance(node, exp.Alias | exp.Aliases | exp.Star):
            found[id(node)] = node
    return list(found.values())


def said(node: Any, names: Mapping[int, str]) -> str:
    """The name of arithmetic and calls that Sail would refuse, as Spark gives it; empty if it is something else."""
    from sqlglot import exp

    if isinstance(node, exp.Paren):
        return said(node.this, names)
    if type(node) in operators() and isinstance(node, exp.Binary):
        left, right, sign = said(node.this, names), said(node.expression, names), SIGNS.get(node.key, name_of(node))
        return f"({left} {sign} {right})" if left and right else ""
    if isinstance(node, exp.Neg) and isinstance(node.this, exp.Literal):
        return f"-{node.this.name}"
    if isinstance(node, exp.Boolean):
        return str(node.sql()).lower()
    if isinstance(node, exp.Cast) and isinstance(node.this, exp.Literal) and id(node) not in names:
        return _literal(node)
    if isinstance(node, exp.Bracket):
        base, index = said(node.this, names), said(node.expressions[0], names)
        return f"{base}[{index}]" if base and index else ""
    if isinstance(node, exp.Anonymous) and id(node) not in names:
        operands = [said(one, names) for one in node.expressions]
        return f"{node.name.lower()}({', '.join(operands)})" if all(operands) else ""
    return str(node.name) if isinstance(node, exp.Literal | exp.Column) else names.get(id(node), "")


def _literal(cast: Any) -> str:
    """The name of `2L` or `DATE'2020-01-01'`; empty if it is written as a cast."""
    place, text, kind = span(cast) or (0, 0), cast.this.name, str(cast.to.sql("databricks"))
    if not cast.this.is_string:
        return text if place[1] - place[0] <= len(text) + 2 else ""
    return f"{kind} '{text}'" if place[1] - place[0] <= len(text) + len(kind) + 3 else ""


def aliased(sql: str, node: Any) -> Any:
    """What a column means that is another column of the same SELECT (in ORDER BY, HAVING, or to its right)."""
    from sqlglot import exp

    scope = scope_of(sql, node)
    if not isinstance(node, exp.Column) or node.table or scope is None or not isinstance(scope.node, exp.Select):
        return None
    for item in scope.node.expressions:
        inside = any(part is item for part in parents(node))
        if isinstance(item, exp.Alias) and item.alias.lower() == node.name.lower() and not inside:
            return item.this
    return None
