"""The files that a function of the gateway's own reads, in the name by which a plan has the function."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

__all__ = ["name_with", "places_of"]

NAME = "files"


def name_with(places: Iterable[Path]) -> str:
    """The name of a function that reads these files and directories."""
    return "\n".join([NAME, *map(str, places)])


def places_of(name: str) -> list[Path]:
    """What the function of this name reads."""
    first, *places = name.split("\n")
    return [Path(place) for place in places] if first == NAME else []
