"""What a view answers: which template, with which values."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from brickyard.workspace.identity import Principal
    from brickyard.workspace.workspace import Workspace

__all__ = ["Crumb", "Page", "View"]

Crumb = tuple[str, str]  # text and address


@dataclass(frozen=True)
class Page:
    """One page before it is rendered.

    Attributes:
        template: The file below `templates`.
        title: What the page is about, for its heading and the browser's tab.
        kind: The kind of thing, above the heading.
        crumbs: The way back, from the home page down.
        values: What the template shows; everything is escaped.
        refresh: After how many seconds the browser asks again; none where nothing will change by itself.
        status: The HTTP status.
    """

    template: str
    title: str
    kind: str = ""
    crumbs: tuple[Crumb, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)
    refresh: int | None = None
    status: int = 200


View = Callable[["Workspace", "Principal", Mapping[str, str]], "Page | Awaitable[Page]"]
