"""From which version to which changes are asked for.

Source: https://docs.databricks.com/aws/en/delta/delta-change-data-feed and what Delta 4.4 says, tried.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from brickyard.workspace.compute.gateway.commits import latest, moment, times
from brickyard.workspace.compute.gateway.errors import ILLEGAL, SparkError

__all__ = ["OUT_OF_RANGE", "Bounds", "asked_for", "bounds_of"]

ASKS = ("readchangefeed", "readchangedata")
OUT_OF_RANGE = "spark.databricks.delta.changeDataFeed.timestampOutOfRange.enabled"


@dataclass(frozen=True)
class Bounds:
    """The first and the last version; or the times that they are at, as SQL has them.

    Args:
        start: The first.
        end: The last; None for that of the table.
        zone: The session's time zone.
        lenient: Whether times after the last commit are right too, as a setting says.
    """

    start: int | str
    end: int | str | None = None
    zone: str = ""
    lenient: bool = False

    def versions(self, place: Path) -> range:
        """The versions of a table.

        Raises:
            SparkError: DELTA_CDC_START_VERSION_AFTER_LATEST, DELTA_INVALID_CDC_RANGE, and of times
                DELTA_TIMESTAMP_GREATER_THAN_COMMIT.
        """
        last = latest(place)
        start = self.start if isinstance(self.start, int) else self._at(place, self.start, begins=True)
        end = last if self.end is None else self.end if isinstance(self.end, int) else self._at(place, self.end)
        if start > last and self.lenient:
            return range(0)
        if start > last:
            text = f"Start version {start} for change data feed exceeds the latest table version {last}."
            raise SparkError("DELTA_CDC_START_VERSION_AFTER_LATEST", text, kind=ILLEGAL, sql_state="22003")
        if start < 0:
            text = f"Unable to retrieve the delta log files to construct table version {start}."
            raise SparkError("DELTA_LOG_FILE_NOT_FOUND", text, sql_state="42K03")
        if end < start:
            text = f"CDC range from start {start} to end {end} was invalid. End cannot be before start."
            raise SparkError("DELTA_INVALID_CDC_RANGE", text, kind=ILLEGAL, sql_state="22003")
        return range(start, min(end, last) + 1)

    def _at(self, place: Path, text: str, *, begins: bool = False) -> int:
        """The first version at or after a time, or the last at or before it."""
        wanted = int(moment(text, self.zone).timestamp() * 1000)
        known = times(place)
        after = [version for version, at in known if at >= wanted]
        before = [version for version, at in known if at <= wanted]
        if wanted > known[-1][1] and not self.lenient:
            zone = ZoneInfo(self.zone) if self.zone else None
            at = datetime.fromtimestamp(known[-1][1] / 1000, zone).replace(tzinfo=None)
            said = f"Timestamp {text} is after the table's latest version ({at.isoformat(' ', 'milliseconds')}). "
            said += f"Use a timestamp at or before {at.isoformat(' ', 'seconds')}."
            raise SparkError("DELTA_TIMESTAMP_GREATER_THAN_COMMIT", said, sql_state="42816")
        if begins:
            return after[0] if after else known[-1][0] + 1
        return before[-1] if before else known[0][0] - 1


def asked_for(options: Mapping[str, str]) -> bool:
    """Whether options of a read ask for changes."""
    return any(key.lower() in ASKS and value.lower() == "true" for key, value in options.items())


def bounds_of(options: Mapping[str, str], zone: str) -> Bounds:
    """What the options of a read say; `zone` is the session's time zone.

    Raises:
        SparkError: DELTA_NO_START_FOR_CDC_READ, DELTA_MULTIPLE_CDC_BOUNDARY, DELTA_UNSUPPORTED_TIME_TRAVEL_VIEWS.
    """
    given = {key.lower(): value for key, value in options.items()}
    if "versionasof" in given or "timestampasof" in given:
        text = "Cannot time travel views, subqueries, streams or change data feed queries."
        raise SparkError("DELTA_UNSUPPORTED_TIME_TRAVEL_VIEWS", text, sql_state="0AKDC")
    start, end = _bound(given, "starting"), _bound(given, "ending")
    if start is None:
        text = "No startingVersion or startingTimestamp provided for CDC read."
        raise SparkError("DELTA_NO_START_FOR_CDC_READ", text, sql_state="42601")
    return Bounds(start, end, zone)


def _bound(options: Mapping[str, str], which: str) -> int | str | None:
    version, time = options.get(f"{which}version"), options.get(f"{which}timestamp")
    if version is not None and time is not None:
        text = (
            f"Multiple {which} arguments provided for CDC read. Please provide one of either {which}Timestamp or "
            f"{which}Version."
        )
        raise SparkError("DELTA_MULTIPLE_CDC_BOUNDARY", text, sql_state="42614")
    if version is None:
        return time
    try:
        return int(version)
    except ValueError as error:
        text = f"Invalid value '{version}' for option '{which}Version', must be an integer greater than or equal to 0."
        raise SparkError("DELTA_ILLEGAL_OPTION", text, kind=ILLEGAL, sql_state="42616") from error
