"""The vendor's types that are kept as data are those of the library that is installed."""

from importlib.resources import files

from brickyard.project.vendor_types import derived


def test_the_kept_types_are_those_of_the_installed_sdk() -> None:
    kept = files("brickyard.project").joinpath("vendor_types.json").read_text()

    assert kept == derived(), "write them again: python -m brickyard.project.vendor_types"
