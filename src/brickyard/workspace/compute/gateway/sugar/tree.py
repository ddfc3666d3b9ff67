"""SQL as a tree that remembers the user's text: what is not changed is printed as it was written.

sqlglot prints a tree in its own words (`nvl` as `COALESCE`, `1L` as a cast). Here each node keeps the text that it was
read from, so only a node with a change below it is printed anew, and functions keep the names that the user gave.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from brickyard.workspace.compute.gateway import sqltext

__all__ = ["column", "parse", "render", "replace", "touch"]

#: The parser's rules whose nodes keep their text; the outermost rule that gives a node has the last word.
RULES = (
    "_parse_select",
    "_parse_subquery",
    "_parse_table",
    "_parse_expression",
    "_parse_assignment",
    "_parse_disjunction",
    "_parse_conjunction",
    "_parse_range",
    "_parse_unary",
    "_parse_function",
    "_parse_ordered",
    "_parse_named_window",
    "_parse_cte",
    "_parse_lateral",
    "_parse_join",
)
#: Nodes that the generator puts right after the text before them.
SPACED = ("join", "lateral")
#: Functions that sqlglot must know in order to read what follows them.
KNOWN_FUNCTIONS = ("ARRAY",)
SPECIAL_FUNCTIONS = ("CAST", "TRY_CAST", "EXTRACT", "TRIM", "SUBSTRING", "POSITION", "OVERLAY")


def _remember(rule: str, parse_rule: Callable[..., Any]) -> Callable[..., Any]:
    from sqlglot import exp

    def remembered(self: Any, *args: Any, **kwargs: Any) -> Any:
        left = args[0] if args and isinstance(args[0], exp.Expr) else None  # what the rule goes on from, read before
        begin = left.meta.get("begin") if left is not None else self._curr.start if self._curr is not None else None
        node = parse_rule(self, *args, **kwargs)
        if begin is not None and hasattr(node, "meta") and self._prev is not None and self._prev.end >= begin:
            node.meta.update(text=self.sql[begin : self._prev.end + 1], begin=begin)
        return node

    remembered.__name__ = rule
    return remembered


@cache
def _dialect() -> Any:
    from sqlglot.dialects import Databricks

    parser = sqltext.parser()
    rules: dict[str, Any] = {rule: _remember(rule, getattr(parser, rule)) for rule in RULES}
    rules["FUNCTIONS"] = {name: parser.FUNCTIONS[name] for name in KNOWN_FUNCTIONS}
    rules["FUNCTION_PARSERS"] = {name: parser.FUNCTION_PARSERS[name] for name in SPECIAL_FUNCTIONS}
    rules["FUNCTION_PARSERS"]["SUBSTR"] = parser.FUNCTION_PARSERS["SUBSTRING"]
    rules["NO_PAREN_FUNCTION_PARSERS"] = {"CASE": parser.NO_PAREN_FUNCTION_PARSERS["CASE"]}
    words = {"Parser": type("Parser", (parser,), rules), "Generator": _generator(Databricks.Generator)}
    return type("DatabricksAsWritten", (Databricks,), words)()


def _generator(base: Any) -> Any:
    """Prints what is untouched as the user wrote it."""

    def sql(self: Any, expression: Any, key: Any = None, comment: bool = True) -> str:
        if key is None and hasattr(expression, "meta"):
            text = expression.meta.get("text")
            if text is not None and not expression.meta.get("touched"):
                return f" {text}" if expression.key in SPACED else str(text)
        return str(base.sql(self, expression, key, comment))

    def array_sql(self: Any, expression: Any) -> str:
        return f"array({self.expressions(expression, flat=True)})"  # as Spark has it in names of columns

    from sqlglot import exp

    rules = {"sql": sql, "TRANSFORMS": {**base.TRANSFORMS, exp.Array: array_sql}}
    rules["EXPRESSIONS_WITHOUT_NESTED_CTES"] = frozenset()  # a WITH stays where it is: there may be another of its name
    return type("Generator", (base,), rules)


def parse(sql: str) -> Any:
    """The tree of one statement.

    Raises:
        SparkError: PARSE_SYNTAX_ERROR.
    """
    return sqltext.parse(sql, _dialect())


def render(tree: Any) -> str:
    """The text of a tree."""
    return str(tree.sql(dialect=_dialect(), normalize_functions=False, comments=False))


def touch(node: Any) -> None:
    """The node was changed: it, and all that contain it, must be printed anew."""
    while node is not None:
        node.meta["touched"] = True
        node = node.parent


def replace(node: Any, new: Any) -> Any:
    """Put another node in place."""
    if node.parent is not None:
        touch(node.parent)
    return node.replace(new)


def column(*parts: str) -> Any:
    """A reference to a column, quoted."""
    from sqlglot import exp

    return exp.column(*[exp.to_identifier(part, quoted=True) for part in reversed(parts)])
