"""Write the operations that the local workspace implements, from the families themselves, into `docs/workspace.md`."""

from __future__ import annotations

import importlib
import pkgutil
from collections import defaultdict
from pathlib import Path

import brickyard.workspace.api as api
from brickyard.workspace.api.base import Family

PAGE = Path(__file__).resolve().parent.parent / "docs" / "workspace.md"
MARK = "<!-- operations: `python scripts/operations.py` -->"


def operations() -> dict[str, list[str]]:
    """Family -> its operations, as `METHOD path`."""
    found = defaultdict(list)
    for module in sorted(pkgutil.iter_modules(api.__path__), key=lambda one: one.name):
        family = getattr(importlib.import_module(f"{api.__name__}.{module.name}"), "family", None)
        if isinstance(family, Family):
            mine = [line for line in family.operations() if "{rest:path}" not in line]
            found[module.name].extend(sorted(mine, key=lambda line: line.split(" ")[::-1]))
    return dict(found)


def table() -> str:
    """The operations as a Markdown table, a row a family."""
    rows = [
        f"| {name} | {'<br>'.join(f'`{line}`' for line in lines)} |" for name, lines in operations().items() if lines
    ]
    return "\n".join(["| family | operations |", "|---|---|", *rows])


def page(text: str) -> str:
    """The page with its table renewed."""
    return text.split(MARK)[0] + MARK + "\n\n" + table() + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text()))
