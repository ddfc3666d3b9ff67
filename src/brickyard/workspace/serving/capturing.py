"""What an endpoint keeps of its requests now: follows its configuration and its tags."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING

from databricks.sdk.service.serving import PayloadTable

from brickyard.workspace.api.errors import InvalidParameterValue
from brickyard.workspace.serving.capture import FLUSH_SECONDS, Capture, Exchange
from brickyard.workspace.serving.capture_settings import CaptureSettings

if TYPE_CHECKING:
    from brickyard.workspace.serving.capture_settings import CaptureConfig
    from brickyard.workspace.serving.payload_table import Tables

__all__ = ["Capturing"]


class Capturing:
    """The capture of one endpoint, on or off.

    Args:
        tables: Where inference tables are.
        tags: The endpoint's tags.
        seconds: How long an exchange may wait for others to be written with.
    """

    def __init__(self, tables: Tables, tags: Mapping[str, str | None], seconds: float = FLUSH_SECONDS) -> None:
        self._tables = tables
        self._seconds = seconds
        self._settings = _settings(tags)
        self._secrets: set[str] = set()
        self._capture: Capture | None = None
        self._lock = threading.Lock()

    @property
    def state(self) -> PayloadTable | None:
        """The table that is written to."""
        capture = self._capture
        return capture.state if capture is not None else None

    @property
    def dropped(self) -> int:
        """How many exchanges were not written."""
        capture = self._capture
        return capture.dropped if capture is not None else 0

    def apply(self, config: CaptureConfig | None) -> None:
        """Write to the table of a configuration from now on; what waits for another table is written there first."""
        wanted = config.table if config is not None and config.enabled else None
        with self._lock:
            old = self._capture
            if (old.table if old is not None else None) == wanted:
                return
            self._capture = self._begun(wanted) if wanted is not None else None
        if old is not None:
            old.close()

    def hide(self, *secrets: str) -> None:
        """Leave these values out from now on; those of before are still left out."""
        with self._lock:
            self._secrets |= set(secrets)
            if self._capture is not None:
                self._capture.hide(*secrets)

    def retag(self, tags: Mapping[str, str | None]) -> None:
        """Follow other tags."""
        with self._lock:
            self._settings = _settings(tags)
            if self._capture is not None:
                self._capture.settings = self._settings

    def offer(self, exchange: Exchange) -> None:
        """Keep an exchange; returns at once."""
        capture = self._capture
        if capture is not None:
            capture.offer(exchange)

    def close(self) -> None:
        """Write what waits, and keep nothing more."""
        self.apply(None)

    def _begun(self, table: str) -> Capture:
        capture = Capture(table, self._tables, self._settings, self._seconds)
        capture.hide(*self._secrets)
        return capture


def _settings(tags: Mapping[str, str | None]) -> CaptureSettings:
    """The settings of tags that are there already; those that are wrong (of an older version) are as none."""
    try:
        return CaptureSettings.parse(tags)
    except InvalidParameterValue:
        return CaptureSettings()
