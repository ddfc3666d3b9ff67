"""The SQL of a correction as an expression of Spark Connect."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from brickyard.workspace.compute.gateway.sugar.tree import parse
from brickyard.workspace.compute.gateway.values.expressions import Expression, call, cast

__all__ = ["built"]


@cache
def _operators() -> dict[Any, str]:
    from sqlglot import exp

    arithmetic = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/", exp.Mod: "%", exp.IntDiv: "div"}
    comparisons = {exp.EQ: "==", exp.NEQ: "!=", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">="}
    logic = {exp.And: "and", exp.Or: "or", exp.RegexpLike: "rlike", exp.BitwiseAnd: "&"}
    return arithmetic | comparisons | logic


@cache
def _tree(template: str) -> Any:
    """The template as a tree; the operands are columns of the names `__1`, `__2`."""
    return parse("SELECT " + re.sub(r"\$([0-9])", r"__\1", template)).expressions[0]


def built(template: str, operands: Mapping[int, Any]) -> Any:
    """The expression that a template is, with these operands in it, by their numbers."""
    return _made(_tree(template), {f"__{number}": operand for number, operand in operands.items()})


def _made(node: Any, operands: Mapping[str, Any]) -> Any:
    from sqlglot import exp

    if type(node) in _operators():
        return call(_operators()[type(node)], _made(node.this, operands), _made(node.expression, operands))
    makers: dict[Any, Callable[[], Any]] = {
        exp.Paren: lambda: _made(node.this, operands),
        exp.Column: lambda: _name([part.name for part in node.parts], operands),
        exp.Identifier: lambda: _name([node.name], operands),
        exp.Dot: lambda: _extracted(_made(node.this, operands), _literal_text(node.expression.name)),
        exp.Bracket: lambda: _extracted(_made(node.this, operands), _made(node.expressions[0], operands)),
        exp.Literal: lambda: _literal(node),
        exp.Null: lambda: _null(),
        exp.Boolean: lambda: _boolean(bool(node.this)),
        exp.Cast: lambda: _cast(node, operands),
        exp.TryCast: lambda: _try_cast(node, operands),
        exp.Neg: lambda: call("negative", _made(node.this, operands)),
        exp.Not: lambda: call("not", _made(node.this, operands)),
        exp.Array: lambda: _called("array", node.expressions, operands),
        exp.Anonymous: lambda: _called(str(node.this), node.expressions, operands),
        exp.Substring: lambda: _called("substring", [*node.iter_expressions()], operands),
        exp.Trim: lambda: _called("trim", [node.this], operands),
        exp.In: lambda: _called("in", [node.this, *node.expressions], operands),
        exp.Case: lambda: _case(node, operands),
        exp.Lambda: lambda: _lambda(node, operands),
    }
    return makers[type(node)]()


def _called(name: str, arguments: list[Any], operands: Mapping[str, Any]) -> Any:
    return call(name, *[_made(argument, operands) for argument in arguments])


def _name(parts: list[str], operands: Mapping[str, Any]) -> Any:
    """An operand or a lambda variable, or a field of it."""
    made = Expression()
    if parts[0] in operands:
        made.CopyFrom(operands[parts[0]])
    else:
        made.unresolved_named_lambda_variable.name_parts.append(parts[0])
    for field in parts[1:]:
        made = _extracted(made, _literal_text(field))
    return made


def _extracted(child: Any, extraction: Any) -> Any:
    made = Expression()
    made.unresolved_extract_value.child.CopyFrom(child)
    made.unresolved_extract_value.extraction.CopyFrom(extraction)
    return made


def _literal(node: Any) -> Any:
    if node.is_string:
        return _literal_text(node.name)
    made = Expression()
    if node.name.isdigit() and int(node.name) < 2**31:
        made.literal.integer = int(node.name)
    else:
        whole, _, part = node.name.partition(".")
        made.literal.decimal.value = node.name
        made.literal.decimal.precision = max(len((whole + part).lstrip("0")), len(part), 1)
        made.literal.decimal.scale = len(part)
    return made


def _literal_text(text: str) -> Any:
    made = Expression()
    made.literal.string = text
    return made


def _null() -> Any:
    made = Expression()
    made.literal.null.null.SetInParent()
    return made


def _boolean(value: bool) -> Any:
    made = Expression()
    made.literal.boolean = value
    return made


def _cast(node: Any, operands: Mapping[str, Any]) -> Any:
    from sqlglot import exp

    kind = str(node.to.sql("databricks"))
    if kind == "DOUBLE" and isinstance(node.this, exp.Literal):
        made = Expression()
        made.literal.double = float(node.this.name)
        return made
    return cast(_made(node.this, operands), kind)


def _try_cast(node: Any, operands: Mapping[str, Any]) -> Any:
    made = _cast(node, operands)
    made.cast.eval_mode = Expression.Cast.EVAL_MODE_TRY
    return made


def _case(node: Any, operands: Mapping[str, Any]) -> Any:
    parts = [part for branch in node.args["ifs"] for part in (branch.this, branch.args["true"])]
    default = node.args.get("default")
    return _called("when", [*parts, *([default] if default is not None else [])], operands)


def _lambda(node: Any, operands: Mapping[str, Any]) -> Any:
    made = Expression()
    made.lambda_function.function.CopyFrom(_made(node.this, operands))
    for variable in node.expressions:
        made.lambda_function.arguments.add().name_parts.append(variable.name)
    return made
