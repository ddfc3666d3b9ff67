"""What an endpoint keeps of its requests now: follows its configuration and its settings."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from databricks.sdk.service.serving import PayloadTable

from brickyard.workspace.serving.capture import FLUSH_SECONDS, Capture, Exchange

if TYPE_CHECKING:
    from brickyard.workspace.serving.capture_settings import CaptureConfig, CaptureSettings
    from brickyard.workspace.serving.payload_table import Tables

__all__ = ["Capturing"]


class Capturing:
    """The capture of one endpoint, on or off.

    Args:
        tables: Where inference tables are.
        endpoint_id: Whose they are.
        settings: The share that is kept, and the columns that are not.
        seconds: How long an exchange may wait for others to be written with.
    """

    def __init__(
        self, tables: Tables, endpoint_id: str, settings: CaptureSettings, seconds: float = FLUSH_SECONDS
    ) -> None:
        self._tables = tables
        self._endpoint_id = endpoint_id
        self._seconds = seconds
        self._settings = settings
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
        wanted = config if config is not None and config.enabled else None
        with self._lock:
            old = self._capture
            if (old.config if old is not None else None) == wanted:
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

    def set(self, settings: CaptureSettings) -> None:
        """Follow other settings."""
        with self._lock:
            self._settings = settings
            if self._capture is not None:
                self._capture.settings = settings

    def offer(self, exchange: Exchange) -> None:
        """Keep an exchange; returns at once."""
        capture = self._capture
        if capture is not None:
            capture.offer(exchange)

    def close(self) -> None:
        """Write what waits, and keep nothing more."""
        self.apply(None)

    def _begun(self, config: CaptureConfig) -> Capture:
        capture = Capture(config, self._tables, self._endpoint_id, self._settings, self._seconds)
        capture.hide(*self._secrets)
        return capture
