"""Pages as HTML, and the headers that come with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from brickyard.workspace.rendering.environment import environment

if TYPE_CHECKING:
    from brickyard.workspace.identity import Principal
    from brickyard.workspace.ui.page import Page
    from brickyard.workspace.workspace import Workspace

__all__ = ["HEADERS", "render"]

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
    template = environment("brickyard.workspace.ui").get_template(page.template)
    return template.render(page.values, page=page, workspace=workspace.name, principal=principal)
