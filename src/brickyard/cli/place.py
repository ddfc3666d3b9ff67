"""Where the project is that a command is about."""

from __future__ import annotations

from pathlib import Path

from brickyard.errors import UsageError

__all__ = ["project_root"]


def project_root() -> Path:
    """The nearest directory with a `databricks.yml`, from here upwards; this one where there is none.

    Raises:
        UsageError: The directory that the command runs in was deleted.
    """
    try:
        here = Path.cwd()
    except FileNotFoundError as error:
        raise UsageError("this directory is not there any more", next="go to the project's directory") from error
    return next((place for place in (here, *here.parents) if (place / "databricks.yml").is_file()), here)
