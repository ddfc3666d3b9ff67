"""Pages as HTML: Jinja2 with escaping on, so what users wrote is shown and never interpreted."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markdown_it import MarkdownIt
from markupsafe import Markup

from brickyard.workspace.ui.format import FILTERS

if TYPE_CHECKING:
    from brickyard.workspace.identity import Principal
    from brickyard.workspace.ui.page import Page
    from brickyard.workspace.workspace import Workspace

__all__ = ["HEADERS", "render", "template"]

# Nothing is loaded from anywhere and no script runs, also in the frames with the output of notebooks, which inherit
# this. Styles are inline, in the pages and in what notebooks display.
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def render(page: Page, workspace: Workspace, principal: Principal | None) -> str:
    """The HTML of a page; without a principal, of one that anybody may see."""
    return template(page.template).render(page.values, page=page, workspace=workspace.name, principal=principal)


def template(name: str) -> Template:
    """A template below `templates`."""
    return _environment().get_template(name)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("brickyard.workspace.ui"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(FILTERS)
    environment.filters["markdown"] = _markdown
    return environment


def _markdown(text: str) -> Markup:
    """Markdown as HTML; tags in it are shown as text, and links go to web addresses only."""
    return Markup(_reader().render(text))


@cache
def _reader() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"]).disable("image")
