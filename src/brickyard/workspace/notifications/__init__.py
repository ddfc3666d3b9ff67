"""Notifications of what runs do: to mail addresses, and to destinations such as webhooks."""

from brickyard.workspace.notifications.service import Notifications, build

__all__ = ["Notifications", "build"]
