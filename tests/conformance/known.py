"""Checks that are wrong and known to be, by key, with the area that owns them (2026-11-28), to be emptied."""

from __future__ import annotations

KNOWN: dict[str, str] = {}
