"""Whether a statement has anything that must be rewritten: asked of its words, which is cheap."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise
from typing import Any

from brickyard.workspace.compute.gateway.errors import PARSE, SparkError, unsupported
from brickyard.workspace.compute.gateway.remembered import remembered
from brickyard.workspace.compute.gateway.sqltext import Token, read, tokenize
from brickyard.workspace.compute.gateway.sugar.bare_calls import bare_calls
from brickyard.workspace.compute.gateway.sugar.builtins import NAMES, refused
from brickyard.workspace.compute.gateway.sugar.checks import check_ctes, check_order, check_select, check_window
from brickyard.workspace.compute.gateway.sugar.generated import has_generated
from brickyard.workspace.compute.gateway.sugar.groups import has_grouped_star, has_numbered_keys, has_sets
from brickyard.workspace.compute.gateway.sugar.guards import has_guards
from brickyard.workspace.compute.gateway.sugar.having import is_shadowed
from brickyard.workspace.compute.gateway.sugar.inline import has_several_types
from brickyard.workspace.compute.gateway.sugar.joins import has_loose_joins
from brickyard.workspace.compute.gateway.sugar.keys import needs_order
from brickyard.workspace.compute.gateway.sugar.labels import CALLS, needs_label, ordered
from brickyard.workspace.compute.gateway.sugar.memberships import is_value
from brickyard.workspace.compute.gateway.sugar.names import own_columns
from brickyard.workspace.compute.gateway.sugar.single_rows import has_total, is_doubtful, is_test
from brickyard.workspace.compute.gateway.sugar.unions import WORDS as UNIONS

__all__ = ["needed", "needed_in"]

WORDS = (
    frozenset({"QUALIFY", "PIVOT", "UNPIVOT", "TABLESAMPLE", "CLUSTER", "DISTRIBUTE", "RECURSIVE", "|>", "?::", "=>"})
    | UNIONS
)
#: Words that make sugar of the word before them.
PAIRS = (
    frozenset({("*", "EXCEPT"), ("BY", "ALL"), ("LIKE", "ANY"), ("LIKE", "ALL"), ("LIKE", "SOME")})
    | frozenset(
        {("(", "CAST"), ("(", "TRY_CAST"), ("DISTINCT", "CAST"), ("WITHIN", "GROUP")}  # casts have a place in names
    )
    | frozenset({("ILIKE", "ANY"), ("ILIKE", "ALL"), ("ILIKE", "SOME"), ("(", "FROM"), ("LATERAL", "(")})
)
#: A year or a month, and what the engine takes for a time after it.
NO_DAY = re.compile(r"\s*[0-9]+(-[0-9]*)?[ T]")
#: What may stand before the colon of a path, and does not stand before a parameter marker.
BASES = frozenset({"VAR", "IDENTIFIER", "STRING", "R_PAREN", "R_BRACKET"})


@remembered
def needed(sql: str, names: frozenset[str] = frozenset()) -> frozenset[str]:
    """The words that ask for a rewriting; FROM stands for a query that begins with it, MAP for keys that may be maps.

    Args:
        sql: A statement.
        names: Further words to look for, in lower case.
    """
    tokens = tokenize(sql)
    found: set[str] = set()
    before: Token | None = None
    for token in tokens:
        word = token.text.upper() if token.kind not in {"STRING", "IDENTIFIER"} else ""
        last = before.text.upper() if before is not None and before.kind not in {"STRING", "IDENTIFIER"} else ""
        if (
            word in WORDS
            or (last, word) in PAIRS
            or (last == "RANGE" and word != "(")
            or (word == "(" and last.lower() in CALLS)
            or (word == ":" and before is not None and before.kind in BASES)
        ):
            found.add(word)
        elif token.kind != "STRING" and (token.text.lower() in names or _is_rewritten(token.text.lower())):
            found.add("NAME")
        elif token.kind == "STRING" and last == "USING" and "TRANSFORM" in {one.text.upper() for one in tokens}:
            raise unsupported("SELECT TRANSFORM", "Use df.mapInPandas(...), or a Python function.")
        elif token.kind == "STRING" and last == "DATE" and NO_DAY.match(token.text):
            text = f"The value of the typed literal \"DATE\" is invalid: '{token.text}'."
            raise SparkError("INVALID_TYPED_LITERAL", text, kind=PARSE, sql_state="42604")
        before = token
    if tokens and tokens[0].text.upper() == "FROM":
        found.add("FROM")
    if len(tokens) > 2 and bare_calls(tokens):
        found.add("NAME")
    words = [token.text.upper() for token in tokens]
    maps = any("MAP" in word for word in words) and any(word in {"GROUP", "DISTINCT"} for word in words)
    if maps or ("SELECT", "DISTINCT") in pairwise(words):
        found.add("MAP")
    if "USING" in words:
        dotted = {after for before, after in pairwise(words) if before == "."}
        if "*" in dotted or dotted & _shared(words):
            found.add("USING")
    return frozenset(found)


def _shared(words: list[str]) -> set[str]:
    """The columns that joins share: the names in `USING (a, b)`."""
    found: set[str] = set()
    for at, word in enumerate(words):
        if word == "USING" and words[at + 1 : at + 2] == ["("] and ")" in words[at:]:
            found.update(words[at + 2 : words.index(")", at)])
    return found - {","}


@lru_cache(4096)
def _is_rewritten(word: str) -> bool:
    return word in NAMES or bool(refused(word))


@remembered
def needed_in(sql: str) -> bool:
    """Whether a statement needs a rewriting that its words do not tell.

    Args:
        sql: A statement.

    Raises:
        SparkError: WINDOW_FUNCTION_FRAME_NOT_ORDERED, or another mistake.
    """
    from sqlglot import exp

    kinds = (exp.Query, exp.Window, exp.Values, exp.In, exp.Exists, exp.With, exp.Update, exp.Delete)
    for node in read(sql).find_all(*kinds):
        if isinstance(node, exp.In | exp.Exists):
            if is_test(node) or is_value(node):
                return True
        elif isinstance(node, exp.Window):
            ordered(node)
            check_window(node)
        elif isinstance(node, exp.With):
            check_ctes(node)
        elif isinstance(node, exp.SetOperation):
            check_order(node)
        elif isinstance(node, exp.Select):
            check_select(node)
            if _reuses(node) or has_sets(node) or has_numbered_keys(node) or needs_order(node):
                return True
            if has_grouped_star(node) or has_total(node) or is_doubtful(node):
                return True
            if has_loose_joins(node) or is_shadowed(node) or has_guards(node) or has_generated(node):
                return True
        elif isinstance(node, exp.Update | exp.Delete):
            if has_guards(node):
                return True
        elif isinstance(node, exp.Values) and has_several_types(node):
            return True
    return False


def _reuses(select: Any) -> bool:
    """Whether a select list uses a name that it gives further left, or has an item that Spark names otherwise."""
    from sqlglot import exp

    known: set[str] = set()
    for item in select.expressions:
        if needs_label(item):
            return True
        if known and any(column.parts[0].name.lower() in known for column in own_columns(item)):
            return True
        if isinstance(item, exp.Alias):
            known.add(item.alias.lower())
    return False
