"""The change data feed: commits that say which rows they changed, and the tables of these changes.

Source: https://github.com/delta-io/delta/blob/master/PROTOCOL.md (add CDC file, change data files).
"""

from brickyard.workspace.compute.gateway.feed.bounds import OUT_OF_RANGE, Bounds, asked_for, bounds_of
from brickyard.workspace.compute.gateway.feed.calls import Call, call_of
from brickyard.workspace.compute.gateway.feed.reading import table_of_changes
from brickyard.workspace.compute.gateway.feed.setting import ENABLED, check_names, defaults, is_on, prepare, records

__all__ = [
    "ENABLED",
    "OUT_OF_RANGE",
    "Bounds",
    "Call",
    "asked_for",
    "bounds_of",
    "call_of",
    "check_names",
    "defaults",
    "is_on",
    "prepare",
    "records",
    "table_of_changes",
]
