"""Pages of lists that begin with the newest; a token is what comes before the page, or after it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from brickyard.workspace.api.errors import InvalidParameterValue
from brickyard.workspace.jobs.requests import optional_number

__all__ = ["Place", "place_of"]

T = TypeVar("T")
_NEWER = "prev-"


@dataclass(frozen=True)
class Place:
    """Where a page is.

    Attributes:
        before: It has what is older than this id.
        after: It has what is newer than this id, and next to it.
    """

    before: int | None = None
    after: int | None = None

    def cut(self, found: Sequence[T], limit: int, id_of: Callable[[T], int]) -> tuple[list[T], dict[str, Any]]:
        """One page of what was found, which is one more where there is more; and what the answer says of the others."""
        more = len(found) > limit
        shown = list(found[-limit:] if self.after is not None else found[:limit])
        older = shown and (more or self.after is not None)
        newer = shown and (more if self.after is not None else self.before is not None)
        answer: dict[str, Any] = {"has_more": bool(older)}
        answer |= {"next_page_token": str(id_of(shown[-1]))} if older else {}
        return shown, answer | ({"prev_page_token": f"{_NEWER}{id_of(shown[0])}"} if newer else {})


def place_of(query: Mapping[str, Any]) -> Place:
    """The place that a query's `page_token` names.

    Raises:
        InvalidParameterValue: It is no token.
    """
    token = str(query.get("page_token") or "")
    value = optional_number({"page_token": token.removeprefix(_NEWER)}, "page_token") or 0
    if value < 0:
        raise InvalidParameterValue(f"page_token must not be negative, as {value} is")
    return Place(after=value) if token.startswith(_NEWER) else Place(before=value or None)
