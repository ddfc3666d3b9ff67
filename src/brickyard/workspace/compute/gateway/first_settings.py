"""The settings with which a session begins: its cluster's, and what its client tells of itself."""

from __future__ import annotations

import json
from collections.abc import Mapping

from brickyard.workspace.compute.gateway import uses
from brickyard.workspace.compute.gateway.allowed_settings import check_setting
from brickyard.workspace.compute.gateway.session import ZONE, Session

__all__ = ["IMPORTS", "begin_with", "noticed"]

#: Set by a task on an engine that is not its own: the directories that it imports from, as a JSON list.
IMPORTS = "spark.brickyard.imports"


def begin_with(session: Session, properties: Mapping[str, str]) -> None:
    """Give a new session the cluster's properties; its engine begins with them, too.

    Raises:
        SparkError: For one that changes results and that Sail does not look at.
    """
    for key, value in properties.items() if not session.sail.capabilities.is_spark else ():
        check_setting(key, value)
    if ZONE in properties:
        session.defaults[ZONE] = properties[ZONE]
    session.settings.update(properties)
    session.sail.memory.set_all(properties)


def noticed(session: Session, given: Mapping[str, str]) -> None:
    """Do what settings ask for that are for the gateway itself."""
    if not session.sail.capabilities.own_names:
        uses.begin(session, given)
    for entry in reversed(json.loads(given.get(IMPORTS, "[]"))):  # each comes before those that are there
        session.sail.import_from(str(entry))
