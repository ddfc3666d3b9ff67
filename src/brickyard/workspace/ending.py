"""The end of a process that was forked, or that has become another interpreter: at once, with nothing after it.

Nothing but the standard library is imported here, as a fresh interpreter needs it before its path is set.
"""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
from collections.abc import Callable
from typing import NoReturn

__all__ = ["end_with"]


def end_with(run: Callable[[], int]) -> NoReturn:
    """End this process with the code that `run` answers; with 1 where it raises, which is told."""
    code = 1
    try:
        code = run()
    except BaseException:  # not the user's code: what keeps its outcome from being written
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):  # the user's code may have closed it
            sys.stderr.flush()
        os._exit(code)
