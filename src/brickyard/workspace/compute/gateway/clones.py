"""A session with all that another one has: what it changes from there on is its own."""

from __future__ import annotations

import copy
import uuid

from brickyard.workspace.compute.gateway.errors import SparkError
from brickyard.workspace.compute.gateway.functions import Functions
from brickyard.workspace.compute.gateway.session import Session

__all__ = ["copy_state", "new_id"]


def new_id(asked: str) -> str:
    """The id of a clone: what the client asks for, or one of ours.

    Raises:
        SparkError: INVALID_CLONE_SESSION_REQUEST.TARGET_SESSION_ID_FORMAT.
    """
    try:
        return str(uuid.UUID(asked)) if asked else str(uuid.uuid4())
    except ValueError:
        raise SparkError(
            "INVALID_CLONE_SESSION_REQUEST.TARGET_SESSION_ID_FORMAT",
            f"Invalid session clone request. Target session ID {asked} for clone operation must be an UUID string of "
            "the format '00112233-4455-6677-8899-aabbccddeeff'.",
            sql_state="42K04",
        ) from None


def copy_state(source: Session, clone: Session) -> None:
    """Give a new session the names, settings, views, functions and files of another."""
    clone.names.catalog, clone.names.schema = source.names.catalog, source.names.schema
    clone.names.temporary.update(source.names.temporary)
    clone.settings.update(source.settings)
    clone.blobs.update(source.blobs)
    clone.kept.update(source.kept)
    clone.bindings.variables.update(source.bindings.variables)
    if isinstance(source.bindings.functions, Functions) and isinstance(clone.bindings.functions, Functions):
        clone.bindings.functions.temporary.update(copy.copy(source.bindings.functions.temporary))
    clone.sail.memory.learn(source.sail.memory)
