"""What has been found out about a text, kept: a client sends a query for its schema, and soon again for its rows."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Concatenate, ParamSpec, TypeVar

__all__ = ["LONGEST", "remembered"]

#: Of so many texts answers are kept, none of more characters than that: a tree has up to 200 bytes for each of them.
TEXTS, LONGEST = 64, 4_000
P = ParamSpec("P")
R = TypeVar("R")


def remembered(function: Callable[Concatenate[str, P], R]) -> Callable[Concatenate[str, P], R]:
    """A function of a text, and of what can be hashed, that keeps its last answers; nobody must change them."""
    kept: Callable[..., R] = lru_cache(TEXTS)(function)

    @wraps(function)
    def answer(sql: str, /, *rest: P.args, **named: P.kwargs) -> R:
        return function(sql, *rest, **named) if len(sql) > LONGEST else kept(sql, *rest, **named)

    return answer
