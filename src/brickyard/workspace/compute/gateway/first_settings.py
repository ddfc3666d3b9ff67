"""The properties of a cluster, with which each of its sessions begins."""

from __future__ import annotations

from collections.abc import Mapping

from brickyard.workspace.compute.gateway.allowed_settings import check_setting
from brickyard.workspace.compute.gateway.session import ZONE, Session

__all__ = ["begin_with"]


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
