"""What has been found out about a text, kept: a client sends a query for its schema, and soon again for its rows."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Concatenate, ParamSpec, TypeVar

__all__ = ["LONGEST", "remembered"]

#: Of so many texts answers are kept, if they have at most so many characters: a tree has up to 200 bytes for each.
TEXTS, SHORT = 64, 4_000
#: Only of the last text that is longer, and of none above this.
LONGEST = 16 * SHORT
P = ParamSpec("P")
R = TypeVar("R")


def remembered(function: Callable[Concatenate[str, P], R]) -> Callable[Concatenate[str, P], R]:
    """A function of a text, and of what can be hashed, that keeps its last answers; nobody must change them."""
    of_short: Callable[..., R] = lru_cache(TEXTS)(function)
    of_long: Callable[..., R] = lru_cache(1)(function)

    @wraps(function)
    def answer(sql: str, /, *rest: P.args, **named: P.kwargs) -> R:
        kept = of_short if len(sql) <= SHORT else of_long if len(sql) <= LONGEST else function
        return kept(sql, *rest, **named)

    return answer
