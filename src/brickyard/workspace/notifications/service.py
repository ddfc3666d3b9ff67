"""The notifications service of a workspace."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from brickyard.workspace.notifications.delivery import Delivery
from brickyard.workspace.notifications.destinations import Destinations
from brickyard.workspace.notifications.mail import Mailer

if TYPE_CHECKING:
    from brickyard.workspace.workspace import Workspace

__all__ = ["Notifications", "build"]


class Notifications:
    """Destinations, and the delivery to them.

    Attributes:
        destinations: Where notifications can go besides mail addresses.
        delivery: Delivers what is due.
    """

    def __init__(self, workspace: Workspace) -> None:
        self.destinations = Destinations(workspace.store, lambda: workspace.secrets.vault)
        self.delivery = Delivery(workspace, self.destinations, Mailer.of(os.environ))

    def recover(self) -> None:
        """Deliver what was due when the workspace ended."""
        self.delivery.wake()

    def close(self) -> None:
        """Leave what is not delivered to the next start."""
        self.delivery.close()


def build(workspace: Workspace) -> Notifications:
    """The notifications service of a workspace."""
    return Notifications(workspace)
