"""The shell of notebooks."""

from __future__ import annotations

import builtins
import sys
import warnings

from brickyard.runtime.notebook.shell import NotebookShell, warm_up


def test_shell_that_is_made_ahead_is_not_noticed_by_tasks() -> None:
    def seen() -> list[object]:
        state = [dict(vars(builtins)), sys.path[:], sys.displayhook, sys.excepthook, sys.stdout, warnings.filters[:]]
        return [*state, sys.modules["__main__"], "brickyard_warm_up" in sys.modules]

    before = seen()
    assert warm_up() is not None
    assert seen() == before
    assert not NotebookShell.initialized(), "a notebook's own is another one"
