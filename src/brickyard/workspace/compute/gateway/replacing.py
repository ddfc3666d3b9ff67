"""CREATE OR REPLACE TABLE ... AS: the new table is made beside the old one, and takes its place in one commit.

So readers see the one or the other, whatever ends meanwhile. The old columns, properties, constraints and rows go; the
history stays.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from brickyard.workspace.compute.gateway import log, staging
from brickyard.workspace.compute.gateway.commits import actions_since, add_commit, latest
from brickyard.workspace.compute.gateway.conflicts import TRIES
from brickyard.workspace.compute.gateway.errors import SparkError
from brickyard.workspace.compute.gateway.properties import need_removable
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.snapshots import files_at, removal

__all__ = ["replace_by"]


def replace_by(
    session: Session,
    place: Path,
    fill: Callable[[Path], None],
    parameters: Mapping[str, Any],
    before: Callable[[], object] = lambda: None,
) -> None:
    """Give a table the columns, properties and rows of a new one.

    Args:
        session: Whose statement it is.
        place: The table.
        fill: Makes the new table at the place that it is given. Asked again if another writer has changed the table
            meanwhile, which it may read.
        parameters: What the history says of it.
        before: Called when all is ready, before each try to commit.

    Raises:
        SparkError: DELTA_CONCURRENT_WRITE, if other writers are always first.
    """
    for _ in range(TRIES):
        have = log.read(place)
        staged = session.staged()
        try:
            fill(staged)
            if latest(place) != have.version:
                continue
            made = log.read(staged)
            adds = [{"add": add} for add in files_at(staged, made.version)]
            infos = [one for _, found in actions_since(staged, -1) for one in found if "commitInfo" in one]
            metrics = staging.moved([*infos, *adds], staged, place)
        finally:
            shutil.rmtree(staged, ignore_errors=True)
        actions = _actions(place, have, made, adds, metrics, parameters)
        before()
        if add_commit(place, have.version + 1, actions):
            return
    text = "Other transactions have written to the table again and again. Please retry the operation."
    raise SparkError("DELTA_CONCURRENT_WRITE", text, sql_state="2D521")


def _actions(
    place: Path,
    have: log.Metadata,
    made: log.Metadata,
    adds: list[Any],
    metrics: Mapping[str, int],
    parameters: Mapping[str, Any],
) -> list[Any]:
    """The commit of the new table."""
    features = made.protocol.features
    made.protocol, made.identity = have.protocol, have.identity
    for feature in sorted(features):
        made.require(feature)
    old = files_at(place, have.version)
    if old:
        need_removable(place)
    info = log.commit_info("CREATE OR REPLACE TABLE AS SELECT", dict(parameters), have.version)
    gone = {"numRemovedFiles": len(old), "numRemovedBytes": sum(int(one["size"]) for one in old)}
    said = {name: str(value) for name, value in {**metrics, **gone}.items()}
    info["commitInfo"] |= {"operationMetrics": said, "isBlindAppend": False}
    changed = [made.protocol.action()] if made.protocol != have.protocol else []
    return [info, *changed, made.action(), *map(removal, old), *adds]
