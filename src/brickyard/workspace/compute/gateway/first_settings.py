"""The settings with which a session begins: its cluster's, and what its client tells of itself."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from brickyard.workspace.compute.gateway import uses
from brickyard.workspace.compute.gateway.allowed_settings import check_setting
from brickyard.workspace.compute.gateway.session import ZONE, Session

__all__ = ["IMPORTS", "Beginning", "noticed"]

#: Set by a task on an engine that is not its own: the directories that it imports from, as a JSON list.
IMPORTS = "spark.brickyard.imports"


class Beginning:
    """What each session of a cluster begins with: its properties, and what was installed on it while it runs.

    Args:
        properties: The cluster's Spark properties.
    """

    def __init__(self, properties: Mapping[str, str]) -> None:
        self._properties = dict(properties)
        self._imports: list[str] = []

    def begin(self, session: Session) -> None:
        """Give a new session what there is so far; its engine begins with it, too.

        Raises:
            SparkError: For a property that changes results and that Sail does not look at.
        """
        for key, value in self._properties.items() if not session.sail.capabilities.is_spark else ():
            check_setting(key, value)
        if ZONE in self._properties:
            session.defaults[ZONE] = self._properties[ZONE]
        session.settings.update(self._properties)
        session.sail.memory.set_all(self._properties)
        session.sail.memory.imports.extend(self._imports)

    def add_import(self, entry: str, sessions: Iterable[Session]) -> None:
        """Let Python functions import from one more directory: of these sessions, and of those that begin later."""
        self._imports.append(entry)
        for session in sessions:
            if session.sail.runs:
                session.sail.import_from(entry)
            else:
                session.sail.memory.imports.append(entry)


def noticed(session: Session, given: Mapping[str, str]) -> None:
    """Do what settings ask for that are for the gateway itself."""
    if not session.sail.capabilities.own_names:
        uses.begin(session, given)
    for entry in reversed(json.loads(given.get(IMPORTS, "[]"))):  # each comes before those that are there
        session.sail.import_from(str(entry))
