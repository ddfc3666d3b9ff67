"""Joins of which the engine makes something else (Sail 0.7.2).

An outer join, a semi join or an anti join without ON is a cross join there; NATURAL tells letters of names apart, and
takes the shared columns out of `a.*`; a function after LATERAL gives a row of nulls where it has none; WHERE does
not see the columns of LATERAL VIEW; and CROSS JOIN takes no ON.
"""

from __future__ import annotations

from typing import Any

import grpc

from brickyard.workspace.compute.gateway.sugar.scope import Scope
from brickyard.workspace.compute.gateway.sugar.tree import touch

__all__ = ["has_loose_joins", "whole_joins"]


def has_loose_joins(select: Any) -> bool:
    """Whether a SELECT has such a join."""
    if select.args.get("laterals") and select.args.get("where") is not None:
        return True
    joins = select.args.get("joins") or []
    return any(_is_natural(join) or _lacks_on(join) or _is_call(join) or _is_cross(join) for join in joins)


def whole_joins(select: Any, scope: Scope) -> None:
    """Write them out."""
    from sqlglot import exp

    if select.args.get("laterals") and select.args.get("where") is not None:
        joins = [_of_view(view, at) for at, view in enumerate(select.args["laterals"])]
        select.set("joins", [*(select.args.get("joins") or []), *joins])
        select.set("laterals", None)
        touch(select)
    for at, join in enumerate(select.args.get("joins") or []):
        if _is_natural(join):
            _share(select, at, join, scope)
        if _lacks_on(join):
            join.set("on", exp.true())
            touch(join)
        elif _is_call(join) or _is_cross(join):
            join.set("kind", "INNER")
            touch(join)


def _of_view(view: Any, at: int) -> Any:
    """LATERAL VIEW as a join."""
    from sqlglot import exp

    alias = view.args.get("alias")
    columns = alias.args.get("columns") or [] if alias is not None else []
    name = view.alias or (f"_view{at}" if columns else "")
    table = exp.TableAlias(this=exp.to_identifier(name, quoted=True), columns=columns) if name else None
    call = exp.Lateral(this=view.this.copy(), view=False, alias=table.copy() if table is not None else None)
    return exp.Join(this=call, **({"side": "LEFT"} if view.args.get("outer") else {"kind": "INNER"}))


def _is_natural(join: Any) -> bool:
    return str(join.args.get("method") or "").upper() == "NATURAL"


def _lacks_on(join: Any) -> bool:
    """Whether it is not for all pairs of rows, and has no condition; the parser gives TRUE to some of them."""
    from sqlglot import exp

    kept = join.args.get("side") or str(join.args.get("kind") or "").upper() in {"SEMI", "ANTI"}
    given = join.args.get("using") or _is_natural(join) or _calls(join)
    on = join.args.get("on")
    return bool(kept) and not given and (on is None or (isinstance(on, exp.Boolean) and bool(on.this)))


def _is_call(join: Any) -> bool:
    """Whether it is `, LATERAL explode(...)`."""
    return _calls(join) and str(join.args.get("kind") or "").upper() == "CROSS"


def _is_cross(join: Any) -> bool:
    """Whether it is `CROSS JOIN ... ON ...`."""
    given = join.args.get("on") is not None or join.args.get("using")
    return bool(given) and str(join.args.get("kind") or "").upper() == "CROSS"


def _calls(join: Any) -> bool:
    """Whether a function stands after LATERAL, and not a subquery."""
    from sqlglot import exp

    return isinstance(join.this, exp.Lateral) and not isinstance(join.this.this, exp.Query)


def _share(select: Any, at: int, join: Any, scope: Scope) -> None:
    """NATURAL as USING of the columns that both sides have."""
    from sqlglot import exp

    star, start = [exp.Star()], select.args["from_"].copy()
    before = exp.Select(expressions=star, from_=start, joins=[one.copy() for one in select.args["joins"][:at]])
    after = exp.Select(expressions=[exp.Star()], from_=exp.From(this=join.this.copy()))
    try:
        left, right = scope.of(before, select).names, {name.lower() for name in scope.of(after, select).names}
    except grpc.RpcError:  # it is correlated: the engine's own NATURAL
        return
    shared = [exp.to_identifier(name, quoted=True) for name in left if name.lower() in right]
    join.set("method", None)
    join.set("using" if shared else "on", shared or exp.true())
    touch(join)
