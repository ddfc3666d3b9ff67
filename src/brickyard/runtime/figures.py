"""Figures of matplotlib as images, without the secrets that are written in them."""

from __future__ import annotations

import base64
import importlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from brickyard.runtime.context import current

__all__ = ["hide_secrets", "png"]


def png(figure: Any) -> str:
    """A figure as PNG, in base64."""
    target = io.BytesIO()
    with _hidden():
        figure.savefig(target, format="png", bbox_inches="tight")
    return base64.b64encode(target.getvalue()).decode()


def hide_secrets() -> None:
    """Have IPython, which shows the figures of `plt.show()`, leave secrets out, too."""
    tools: Any = importlib.import_module("IPython.core.pylabtools")
    original = tools.print_figure

    def print_figure(*args: Any, **options: Any) -> Any:
        with _hidden():
            return original(*args, **options)

    tools.print_figure = print_figure


@contextmanager
def _hidden() -> Iterator[None]:
    """While this lasts, the texts of figures are drawn without secrets."""
    text: Any = importlib.import_module("matplotlib.text").Text
    original, redactor = text.get_text, current().redactor
    text.get_text = lambda self: redactor.redact(original(self))
    try:
        yield
    finally:
        text.get_text = original
