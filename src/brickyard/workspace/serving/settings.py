"""What the vendor's API has no field for and tags of an endpoint say; its own workspaces keep them, and read none."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from brickyard.workspace.api.errors import InvalidParameterValue
from brickyard.workspace.serving.capture_settings import CaptureSettings

__all__ = ["IDLE_TAG", "SHADOW_TAG", "EndpointSettings"]

IDLE_TAG = "brickyard.scale_to_zero_seconds"
SHADOW_TAG = "brickyard.shadow"
#: As long as on the vendor's service.
_IDLE_SECONDS = 1800.0
_LONGEST_SECONDS = 30 * 86400.0


@dataclass(frozen=True)
class EndpointSettings:
    """The settings of one endpoint.

    Attributes:
        capture: What is kept of requests and answers.
        idle_seconds: How long an entity that may scale to zero waits for a request.
        shadows: Served entities that are sent what others have answered.
    """

    capture: CaptureSettings = field(default_factory=CaptureSettings)
    idle_seconds: float = _IDLE_SECONDS
    shadows: frozenset[str] = frozenset()

    @classmethod
    def parse(cls, tags: Mapping[str, str | None]) -> EndpointSettings:
        """Read the tags.

        Raises:
            InvalidParameterValue: One has no value that it can have.
        """
        shadows = (name.strip() for name in (tags.get(SHADOW_TAG) or "").split(","))
        return cls(
            CaptureSettings.parse(tags), _seconds(tags.get(IDLE_TAG)), frozenset(name for name in shadows if name)
        )

    @classmethod
    def kept(cls, tags: Mapping[str, str | None]) -> EndpointSettings:
        """The settings of tags that are there already; those that are wrong (of an older version) are as none."""
        for kept in (tags, {name: value for name, value in tags.items() if name != IDLE_TAG}):
            try:
                return cls.parse(kept)
            except InvalidParameterValue:
                continue
        return cls()


def _seconds(text: str | None) -> float:
    if not text:
        return _IDLE_SECONDS
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value <= _LONGEST_SECONDS:
        raise InvalidParameterValue(
            f"the tag {IDLE_TAG} must be a number above 0 and at most {_LONGEST_SECONDS:.0f} (30 days); got '{text}'"
        )
    return value
