"""Keeping requests and answers in a Delta table, beside serving and never in its way.

Who answers puts an exchange into a bounded queue and goes on; a thread masks and writes what is there, a batch at a
time. What finds the queue full is dropped, counted, and told in the state of the endpoint.
"""

from __future__ import annotations

import datetime
import itertools
import json
import logging
import random
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from databricks.sdk.service.serving import PayloadTable

from brickyard.runtime.redaction import REDACTED, Redactor
from brickyard.workspace.serving.capture_settings import CaptureConfig, CaptureSettings
from brickyard.workspace.serving.masking import mask, mask_answer
from brickyard.workspace.serving.payload_table import append, compact

if TYPE_CHECKING:
    from pathlib import Path

    from brickyard.workspace.serving.payload_table import Tables

__all__ = ["Capture", "Exchange"]

_log = logging.getLogger(__name__)
_MOST_EXCHANGES = 10_000
_MOST_BYTES = 64 << 20
_BATCH = 2_000
_PART = 20
# After so many batches, each of which is a file, the small files are joined.
_COMPACT_AFTER = 100
#: Larger bodies are left out, as the vendor leaves them out.
_LARGEST_BODY = 1 << 20
FLUSH_SECONDS = 5.0


@dataclass(frozen=True)
class Exchange:
    """A request and its answer.

    Attributes:
        request_id: The id that the answer had.
        at: When it came, in epoch milliseconds.
        status: The status of the answer.
        milliseconds: How long the model took.
        request: The body.
        request_type: Its media type.
        response: The body of the answer.
        metadata: The endpoint, the served entity, the model and its version.
        requester: Who asked.
    """

    request_id: str
    at: int
    status: int
    milliseconds: float
    request: bytes = field(repr=False)
    request_type: str
    response: bytes = field(repr=False)
    metadata: dict[str, str]
    requester: str = ""

    @property
    def size(self) -> int:
        """Bytes of both bodies."""
        return len(self.request) + len(self.response)


class Capture:
    """Writes the exchanges of one endpoint.

    Args:
        config: Which table.
        tables: Where tables are.
        endpoint_id: Whose it is.
        settings: The share that is kept, and the columns that are not.
        seconds: How long an exchange may wait for others to be written with.
    """

    def __init__(
        self,
        config: CaptureConfig,
        tables: Tables,
        endpoint_id: str,
        settings: CaptureSettings,
        seconds: float = FLUSH_SECONDS,
    ) -> None:
        self.config = config
        self.table = config.table
        self.settings = settings
        self._tables = tables
        self._endpoint_id = endpoint_id
        self._seconds = seconds
        self._redactor = Redactor()
        self._waiting: deque[tuple[Exchange, CaptureSettings]] = deque()
        self._bytes = 0
        self._dropped = 0
        self._batches = 0
        self._failure: str | None = None
        self._closing = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name=f"capture-{config.table}", daemon=True)
        self._thread.start()

    @property
    def state(self) -> PayloadTable:
        """The table, whether it is written to, and what was not."""
        parts = [self._failure] if self._failure else []
        if self._dropped:
            parts.append(f"{self._dropped} requests were not written, because too many were waiting")
        return PayloadTable(self.table, "FAILED" if self._failure else "ACTIVE", "; ".join(parts) or None)

    @property
    def dropped(self) -> int:
        """How many exchanges were not written."""
        return self._dropped

    def hide(self, *secrets: str) -> None:
        """Leave these values out of everything that is written from now on."""
        with self._changed:
            redactor = Redactor(self._redactor.secrets)
            redactor.add(*secrets)
            self._redactor = redactor  # the thread reads the one that it has

    def offer(self, exchange: Exchange) -> None:
        """Keep an exchange, if it is one of the sample and there is room; returns at once."""
        settings = self.settings
        if settings.fraction < 1 and random.random() >= settings.fraction:
            return
        with self._changed:
            if len(self._waiting) >= _MOST_EXCHANGES or self._bytes + exchange.size > _MOST_BYTES or self._closing:
                self._dropped += 1
                return
            self._waiting.append((exchange, settings))
            self._bytes += exchange.size
            if len(self._waiting) == _BATCH:
                self._changed.notify()

    def close(self) -> None:
        """Write what waits, and end."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closing or len(self._waiting) >= _BATCH, self._seconds)
                closing, batch = self._closing, list(itertools.islice(self._waiting, _BATCH))
            written = not batch or self._written(batch)
            if closing and (not written or len(batch) < _BATCH):
                self._end(written)
                return
            if not written:
                self._pause()

    def _pause(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._closing, self._seconds)

    def _end(self, written: bool) -> None:
        if not written:
            _log.warning("%d requests to be written to %s are lost: %s", len(self._waiting), self.table, self._failure)

    def _written(self, batch: list[tuple[Exchange, CaptureSettings]]) -> bool:
        """Write a batch and take it out of the queue; where that fails it stays, and is tried again."""
        try:
            directory = self._tables.directory(self.table, self._endpoint_id)
            append(directory, self._rows(batch), gateway=self.config.gateway)
        except Exception as error:
            # Whatever it was (a full disk, a database that is locked), a thread that ended would keep nothing more.
            if self._failure is None:
                _log.warning("the inference table %s cannot be written, trying again: %s", self.table, error)
            self._failure = f"the table cannot be written, trying again: {error}"
            return False
        self._failure = None
        with self._changed:
            for exchange, _ in batch:
                self._waiting.popleft()
                self._bytes -= exchange.size
        self._batches += 1
        if self._batches % _COMPACT_AFTER == 0:
            self._compact(directory)
        return True

    def _compact(self, directory: Path) -> None:
        try:
            compact(directory)
        except Exception as error:  # somebody else changes the table; the rows are written already
            _log.info("the files of the inference table %s are not joined now: %s", self.table, error)

    def _rows(self, batch: Sequence[tuple[Exchange, CaptureSettings]]) -> Iterator[list[dict[str, Any]]]:
        """The rows in small parts; between them, who answers has the interpreter to itself."""
        for begin in range(0, len(batch), _PART):
            time.sleep(0)
            yield [self._row(*one) for one in batch[begin : begin + _PART]]

    def _row(self, exchange: Exchange, settings: CaptureSettings) -> dict[str, Any]:
        moment = datetime.datetime.fromtimestamp(exchange.at / 1000, datetime.UTC)
        request, response, faults = self._bodies(exchange, settings)
        faulty = {"logging_error_codes": ",".join(faults)} if faults else {}
        return {
            "client_request_id": self._client_request_id(exchange),
            "databricks_request_id": exchange.request_id,
            "date": moment.date(),
            "timestamp_ms": exchange.at,
            "status_code": exchange.status,
            "sampling_fraction": settings.fraction,
            "execution_time_ms": round(exchange.milliseconds),
            "request": request,
            "response": response,
            "request_metadata": exchange.metadata | faulty,
            "request_date": moment.date(),
            "request_time": moment,
            "execution_duration_ms": round(exchange.milliseconds),
            "served_entity_id": exchange.metadata.get("served_entity_name"),
            "logging_error_codes": faults,
            "requester": exchange.requester,
        }

    def _bodies(self, exchange: Exchange, settings: CaptureSettings) -> tuple[str | None, str | None, list[str]]:
        """Request and response as they are kept, and the vendor's codes for what is not."""
        faults = []
        kept: list[str | None] = []
        for body, what in ((exchange.request, "REQUEST"), (exchange.response, "RESPONSE")):
            if len(body) > _LARGEST_BODY:
                faults.append(f"MAX_{what}_SIZE_EXCEEDED")
                kept.append(None)
                continue
            try:
                kept.append(body.decode())
            except UnicodeDecodeError:  # Parquet or Arrow
                faults.append(f"{what}_IS_NOT_TEXT")
                kept.append(None)
        request, response = kept
        if request is not None:
            request = self._redactor.redact(mask(request, exchange.request_type, settings.masked))
        if response is not None:
            failed = exchange.status >= 400 and settings.masked  # the text of an error can have any value in it
            shown = REDACTED if failed else mask_answer(response, settings.masked)
            response = self._redactor.redact(shown)
        return request, response, faults

    def _client_request_id(self, exchange: Exchange) -> str | None:
        """The id that the caller gave the request, in its body."""
        if b'"client_request_id"' not in exchange.request or len(exchange.request) > _LARGEST_BODY:
            return None
        try:
            found = json.loads(exchange.request)
        except (ValueError, RecursionError):
            return None
        given = found.get("client_request_id") if isinstance(found, dict) else None
        if not isinstance(given, str):
            return None
        return self._redactor.redact(given).encode(errors="replace").decode()  # an escape can be half of a character
