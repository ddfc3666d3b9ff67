"""Jinja2 with escaping on, so what users wrote is shown and never interpreted."""

from __future__ import annotations

from functools import cache

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup

from brickyard.workspace.rendering.format import FILTERS

__all__ = ["environment"]

_OWN = "brickyard.workspace.rendering"


@cache
def environment(*packages: str) -> Environment:
    """What renders the templates of some packages, and those of this one."""
    made = Environment(
        loader=ChoiceLoader([PackageLoader(one) for one in (*packages, _OWN)]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(FILTERS)
    made.filters["markdown"] = _markdown
    return made


def _markdown(text: str) -> Markup:
    """Markdown as HTML; tags in it are shown as text, and links go to web addresses only."""
    return Markup(_reader().render(text))


@cache
def _reader() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"]).disable("image")
