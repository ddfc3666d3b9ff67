"""Operators that Sail does not parse: LIKE ANY | ALL, `a:b.c`, `?::`."""

from __future__ import annotations

import re
from typing import Any

from brickyard.workspace.compute.gateway.errors import parse_error, unsupported
from brickyard.workspace.compute.gateway.sugar.names import labelled
from brickyard.workspace.compute.gateway.sugar.scope import Scope
from brickyard.workspace.compute.gateway.sugar.tree import replace, touch

__all__ = ["conditions"]


def conditions(tree: Any, scope: Scope) -> None:
    """Rewrite the operators of a whole statement."""
    from sqlglot import exp

    for like in list(tree.find_all(exp.Like, exp.ILike)):
        if isinstance(like.expression, exp.Any | exp.All):
            replace(like, _likes(like))
    for cast in tree.find_all(exp.TryCast):
        if "?::" in cast.meta.get("text", "") or not cast.meta.get("text"):
            touch(cast)
    for path in list(tree.find_all(exp.JSONExtract))[::-1]:
        if path.args.get("variant_extract"):
            _path(path, scope)


def _likes(like: Any) -> Any:
    from sqlglot import exp

    choice = like.expression.this
    patterns = choice.expressions if isinstance(choice, exp.Tuple) else [choice.unnest()]
    if isinstance(choice, exp.Query | exp.Subquery):
        raise unsupported("LIKE ANY with a subquery", "Join with the patterns.")
    if not patterns:
        raise parse_error("Expected something between '(' and ')'.")
    each = [type(like)(this=like.this.copy(), expression=pattern.copy()) for pattern in patterns]
    terms = [exp.Not(this=one) if like.args.get("negate") else one for one in each]
    join = exp.or_ if isinstance(like.expression, exp.Any) else exp.and_
    return exp.Paren(this=join(*terms, copy=False))


def _path(path: Any, scope: Scope) -> None:
    """`column:a.b[0]`: a field of a JSON string as a string, or of a VARIANT as a VARIANT."""
    from sqlglot import exp

    text, name = _text(path.expression.expressions)
    base = path.this
    select = path.find_ancestor(exp.Select) or exp.Select()
    if not select.args.get("from_") and any(base.find_all(exp.Column)):
        raise unsupported("`:` without a FROM, as in expr()", "Use get_json_object() or variant_get().")
    kind = scope.schema(select, base).fields[0].dataType.typeName()
    function = "get_json_object" if kind == "string" else "variant_get"
    if kind not in {"string", "variant"}:
        raise unsupported(f"`:` on a column of type {kind}", "Use it on a STRING or a VARIANT.")
    call = exp.Anonymous(this=function, expressions=[base.copy(), exp.Literal.string(text)])
    whole = path
    while isinstance(whole.parent, exp.Cast):
        whole = whole.parent
    if whole is path:
        replace(labelled(path, name), call)
    else:  # a cast of it has its name too
        replace(path, call)
        labelled(whole, name)


def _text(parts: list[Any]) -> tuple[str, str]:
    """The path as `$.a.b[0]`, and the name of its last field."""
    from sqlglot import exp

    text, name = "$", ""
    for part in parts:
        if isinstance(part, exp.JSONPathKey):
            name = str(part.this)
            text += f".{name}" if re.fullmatch(r"\w+", name) else f"['{name}']"
        elif isinstance(part, exp.JSONPathSubscript) and isinstance(part.this, int):
            text += f"[{part.this}]"
        elif not isinstance(part, exp.JSONPathRoot):
            raise unsupported("`[*]` in a path into JSON", "Use from_json() and transform().")
    return text, name
