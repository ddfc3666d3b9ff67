"""Which operations of the SDK were answered, and which ones `docs/coverage.md` says that a workspace answers."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from databricks.sdk.core import ApiClient

__all__ = ["missing", "recorded", "working"]

_PAGE = Path(__file__).parents[3] / "docs" / "coverage.md"
_ROW = re.compile(r"^\| `(\w+)` \(\d+ of \d+\) \| (.*?) \|", re.MULTILINE)
_OPERATION = re.compile(r"(?:^|<br>)(\w+) `")


def working() -> dict[str, set[str]]:
    """The operations that work, by the name of their API class; a test of its own keeps the page true."""
    return {family: set(_OPERATION.findall(cell)) for family, cell in _ROW.findall(_PAGE.read_text())}


def missing(families: Iterable[type], done: set[str]) -> set[str]:
    """Which operations of these API classes were not answered."""
    names = [one.__name__ for one in families]
    return {f"{family}.{name}" for family in names for name in working()[family]} - done


@contextmanager
def recorded() -> Iterator[set[str]]:
    """Collects the methods of API classes whose requests succeed, such as `TokensAPI.create`."""
    done: set[str] = set()
    original = ApiClient.do

    def do(self: ApiClient, *arguments: Any, **options: Any) -> Any:
        answer = original(self, *arguments, **options)
        done.add(sys._getframe(1).f_code.co_qualname)
        return answer

    ApiClient.do = do
    try:
        yield done
    finally:
        ApiClient.do = original
