"""Functions of Databricks that Sail does not have, has under another name, or computes otherwise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from brickyard.workspace.compute.gateway.errors import SparkError, unsupported
from brickyard.workspace.compute.gateway.sugar.lambdas import LAMBDAS, rewrite_lambdas
from brickyard.workspace.compute.gateway.sugar.named_arguments import in_order
from brickyard.workspace.compute.gateway.sugar.names import labelled
from brickyard.workspace.compute.gateway.sugar.scope import Scope
from brickyard.workspace.compute.gateway.sugar.tree import replace, touch

__all__ = ["NAMES", "refused", "rewrite_builtins"]

#: The same function under the name that Sail knows.
RENAMED = {"charindex": "locate", "iff": "if", "timediff": "timestampdiff", "getdate": "current_timestamp"}
#: What the session itself answers, and the fact that it is.
FACTS = {
    "current_user": "user",
    "session_user": "user",
    "user": "user",
    "version": "version",
    "current_metastore": "metastore",
    "is_member": "groups",
    "is_account_group_member": "groups",
}
PERCENTILES = frozenset({"percentile_approx", "approx_percentile"})
#: The beginning of a name, and what to use instead of the function.
REFUSED = {
    "ai_": "Call the model's endpoint from Python.",
    "h3_": "Use the package h3 in a Python function.",
    "st_": "Use a Python package for geometry in a Python function.",
    "vector_search": "Use a library for vector search in Python.",
    "read_kafka": "Read from Kafka in Python.",
    "event_log": "A local workspace has no pipelines.",
    "secret": "Use dbutils.secrets.get(...) in Python.",
    "approx_top_k": "GROUP BY the column, ORDER BY count(*) DESC and LIMIT.",
    "input_file_name": "Use _metadata.file_path.",
    "current_version": "Use spark.version.",
    "collate": "Compare lower(a) with lower(b).",
}
#: Functions of Sail whose names begin like refused ones.
KNOWN = frozenset({"st_asbinary", "st_geogfromwkb", "st_geomfromwkb", "st_setsrid", "st_srid"})
NAMES = frozenset({"log", *RENAMED, *FACTS, *PERCENTILES, "try_to_date", "decode", "regr_count", *LAMBDAS})


def rewrite_builtins(
    tree: Any, fact: Callable[[str], Any], registered: Callable[[str], bool], scope: Scope | None = None
) -> None:
    """Rewrite the calls in a statement.

    Args:
        tree: The statement; it is changed.
        fact: What the session says of its `user`, their `groups` and the `metastore`.
        registered: Whether the client has registered a function of that name in the engine.
        scope: Tells the names of columns.
    """
    from sqlglot import exp

    rewrite_lambdas(tree)
    for call in list(tree.find_all(exp.Anonymous, exp.CurrentUser, exp.SessionUser)):
        if isinstance(call.parent, exp.Dot):
            continue
        name = call.name.lower() if isinstance(call, exp.Anonymous) else "current_user"
        in_order(call, registered)
        if name in RENAMED:
            call.set("this", RENAMED[name])
            touch(call)
        elif name in FACTS:
            _answer(call, name, fact(FACTS[name]))
        elif name == "log" and len(call.expressions) == 1:
            call.set("expressions", [exp.Anonymous(this="e"), *call.expressions])
            touch(call)
        elif name == "try_to_date":
            stamp = exp.Anonymous(this="try_to_timestamp", expressions=[one.copy() for one in call.expressions])
            replace(labelled(call, _text(call)), exp.Cast(this=stamp, to=exp.DataType.build("date")))
        elif name == "decode" and len(call.expressions) > 2:
            replace(labelled(call, _text(call)), _decode(call.expressions))
        elif name == "regr_count":
            _count_pairs(call, scope)
        elif name in PERCENTILES:
            _percentile(call)
        elif refused(name) and not registered(name):
            raise unsupported(f"the function {name}", refused(name))


def _count_pairs(call: Any, scope: Scope | None) -> None:
    """`regr_count(a, b)` is `count(a, b)`; Sail's own is unsigned, which no client can read."""
    from sqlglot import exp

    whole = call
    while isinstance(whole.parent, exp.Filter | exp.Window) and whole.arg_key == "this":
        whole = whole.parent
    call.set("this", "count")
    touch(call)
    if scope is not None and isinstance(whole.parent, exp.Select) and whole.arg_key == "expressions":
        labelled(whole, f"regr_{scope.schema(whole.parent, whole).names[0]}")


def refused(name: str) -> str:
    """What to use instead of a function that is not here; empty if it may be."""
    if name in KNOWN:
        return ""
    found = [
        instead for start, instead in REFUSED.items() if name == start or (start[-1] == "_" and name.startswith(start))
    ]
    return found[0] if found else ""


def _text(call: Any) -> str:
    return str(call.meta.get("text") or call.sql(dialect="databricks"))


def _answer(call: Any, name: str, fact: Any) -> None:
    from sqlglot import exp

    if name not in {"is_member", "is_account_group_member"}:
        replace(labelled(call, f"{name}()"), exp.Literal.string(fact))
        return
    groups = [*fact, "account users"] if name == "is_account_group_member" else fact
    among = exp.In(
        this=call.expressions[0].copy(), expressions=[exp.Literal.string(one) for one in groups] or [exp.Null()]
    )
    replace(labelled(call, _text(call)), exp.Anonymous(this="coalesce", expressions=[among, exp.false()]))


def _decode(arguments: list[Any]) -> Any:
    """`decode(value, key, result, ..., default)`, where NULL is equal to NULL."""
    from sqlglot import exp

    value, rest = arguments[0], arguments[1:]
    pairs = list(zip(rest[::2], rest[1::2], strict=False))
    whens = [
        exp.If(this=exp.NullSafeEQ(this=value.copy(), expression=key.copy()), true=result.copy())
        for key, result in pairs
    ]
    default = rest[-1].copy() if len(rest) % 2 else None
    return exp.Paren(this=exp.Case(ifs=whens, default=default))


def _percentile(call: Any) -> None:
    """The smallest value that is not less than the given part of all values; Sail would give a mean of neighbours."""
    from sqlglot import exp

    if isinstance(call.parent, exp.Filter | exp.Window):
        raise unsupported("percentile_approx with FILTER or OVER", "Use CASE inside of it, or percentile_disc.")
    value, shares = _checked(call)
    accuracy = call.expressions[2].sql() if len(call.expressions) > 2 else "10000"
    name = f"{call.name.lower()}({value.sql(dialect='databricks')}, {shares.sql(dialect='databricks')}, {accuracy})"
    if isinstance(shares, exp.Array):
        result: Any = exp.Array(expressions=[_at(value, share) for share in shares.expressions])
    else:
        result = _at(value, shares)
    replace(labelled(call, name), result)


def _checked(call: Any) -> tuple[Any, Any]:
    """The value and the share of a percentile; `DISTINCT` stands around both of them."""
    from sqlglot import exp

    given = call.expressions
    if given and isinstance(given[0], exp.Distinct):
        raise unsupported("percentile_approx with DISTINCT", "Use a subquery with SELECT DISTINCT.")
    if len(given) not in {2, 3}:
        raise SparkError(
            "WRONG_NUM_ARGS.WITHOUT_SUGGESTION",
            f"The `{call.name.lower()}` requires [2, 3] parameters but the actual number is {len(given)}.",
            sql_state="42605",
        )
    for share in given[1].expressions if isinstance(given[1], exp.Array) else [given[1]]:
        if isinstance(share, exp.Neg) or (isinstance(share, exp.Literal) and float(share.name) > 1):
            raise SparkError(
                "DATATYPE_MISMATCH.VALUE_OUT_OF_RANGE",
                f"The percentage must be between [0.0, 1.0] (current value = {share.sql()}).",
                sql_state="42K09",
            )
    return given[0], given[1]


def _at(value: Any, share: Any) -> Any:
    from sqlglot import exp

    def function(name: str, *arguments: Any) -> Any:
        return exp.Anonymous(this=name, expressions=[one.copy() for one in arguments])

    values = function("array_sort", function("collect_list", value))
    rank = function("ceil", exp.Mul(this=exp.Paren(this=share.copy()), expression=function("count", value)))
    place = function("greatest", exp.Literal.number(1), exp.Cast(this=rank, to=exp.DataType.build("int")))
    return function("try_element_at", values, place)
