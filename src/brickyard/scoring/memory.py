"""Memory of batches: what one has freed the next needs again, so it is kept, and what is read is kept apart.

New pages for each batch's arrays cost as much as the predictions of a linear model.
"""

from __future__ import annotations

import ctypes
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["keep_freed_memory", "reading_pool"]

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of malloc.h
_KEPT_BYTES, _LARGEST_BYTES = 64 << 20, 32 << 20


def keep_freed_memory() -> None:
    """Let the C library keep some freed memory; any other than glibc, and settings of the user, stay as they are."""
    if "GLIBC_TUNABLES" in os.environ or any(name.startswith("MALLOC_") for name in os.environ):
        return
    try:
        set_option = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):
        return
    set_option(_MMAP_THRESHOLD, _LARGEST_BYTES)
    set_option(_TRIM_THRESHOLD, _KEPT_BYTES)


def reading_pool() -> pa.MemoryPool:
    """Where rows that are read are held: jemalloc, where Arrow has it, returns less and holds less than its default."""
    import pyarrow as pa

    try:
        return pa.jemalloc_memory_pool()
    except NotImplementedError:
        return pa.default_memory_pool()
