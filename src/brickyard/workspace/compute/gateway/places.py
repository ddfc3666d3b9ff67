"""Places as text that Sail reads correctly."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from brickyard.workspace.compute.gateway.paths import PathMapper

__all__ = ["Places"]

#: Sail writes other characters percent-encoded once or twice, so that it does not find what it wrote (0.7.2).
PLAIN = re.compile(r"[A-Za-z0-9_./=,+@-]+")


@dataclass(frozen=True)
class Places:
    """Gives Sail a path for each place; a place whose name Sail would mangle is reached by a link.

    Args:
        mapper: From the user's paths to local places.
        links: A private directory, whose own name is plain, for such links.
    """

    mapper: PathMapper
    links: Path

    def text(self, place: Path) -> str:
        """The path to give to Sail for a local place."""
        text = str(place)
        if PLAIN.fullmatch(text):
            return text
        suffix = place.suffix if PLAIN.fullmatch(place.suffix or ".") else ""
        link = self.links / (hashlib.sha256(text.encode()).hexdigest()[:32] + suffix)
        if not link.is_symlink():
            self.links.mkdir(parents=True, exist_ok=True)
            link.symlink_to(place)
        return str(link)

    def existing(self, path: str) -> list[str]:
        """The existing places that a user's path, with or without wildcards, means.

        Raises:
            SparkError: PATH_NOT_FOUND, and what `PathMapper.to_local` raises.
        """
        return [self.text(place) for place in self.mapper.existing(path)]

    def target(self, path: str) -> str:
        """Where to write for a user's path; the directory of a linked place is made, as Sail cannot."""
        place = self.mapper.to_local(path)
        text = self.text(place)
        if text != str(place):
            place.mkdir(parents=True, exist_ok=True)
        return text
