"""Files that are read by their paths: which they are, with which options, and as which columns."""

from brickyard.workspace.compute.gateway.sources import hidden
from brickyard.workspace.compute.gateway.sources.reads import (
    changes_of,
    complete_times,
    need_time,
    resolve_source,
    times_in_zone,
)

__all__ = ["changes_of", "complete_times", "hidden", "need_time", "resolve_source", "times_in_zone"]
