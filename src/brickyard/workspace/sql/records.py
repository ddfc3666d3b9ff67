"""What the database knows of warehouses and statements."""

from __future__ import annotations

import secrets
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any

from brickyard.workspace.identity.permissions import Securable

__all__ = ["ENDED", "StatementRecord", "WarehouseRecord", "first_id", "iso_time", "new_id"]

#: States of a statement in which nothing changes any more.
ENDED = frozenset({"SUCCEEDED", "FAILED", "CANCELED", "CLOSED"})


@dataclass(frozen=True)
class WarehouseRecord:
    """A warehouse as it was asked for; times are epoch milliseconds."""

    id: str
    name: str
    creator_name: str
    created_at: int
    settings: Mapping[str, Any]

    @property
    def securable(self) -> Securable:
        """What permissions are granted on."""
        return Securable("warehouses", self.id)

    @property
    def auto_stop_minutes(self) -> int:
        """After how many idle minutes it stops; 0 is never."""
        return int(self.settings["auto_stop_mins"])


@dataclass(frozen=True)
class StatementRecord:
    """A statement as it was submitted, and how it ended; times are epoch milliseconds."""

    id: str
    warehouse_id: str
    user_id: int
    user_name: str
    text: str
    kind: str
    client: str | None
    disposition: str
    format: str
    state: str
    submitted_at: int
    started_at: int | None = None
    ended_at: int | None = None
    error: Mapping[str, Any] | None = None
    manifest: Mapping[str, Any] | None = None

    @staticmethod
    def of(row: Mapping[Any, Any]) -> StatementRecord:
        """Read a row."""
        return StatementRecord(**{field.name: row[field.name] for field in fields(StatementRecord)})

    def row(self) -> dict[str, Any]:
        """The record as a row."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def iso_time(milliseconds: int) -> str:
    """A time as the API writes it."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def first_id(moment: int) -> str:
    """What no statement's id that was made at a time or later is less than, given in epoch milliseconds."""
    return str(uuid.UUID(int=max(0, moment) * 1000 << 64))


def new_id() -> str:
    """An id of a statement; later ones are greater."""
    return str(uuid.UUID(int=(time.time_ns() // 1000 << 64) | secrets.randbits(64)))
