"""Where the project is that a command is about."""

from __future__ import annotations

from pathlib import Path

__all__ = ["project_root"]


def project_root() -> Path:
    """The nearest directory with a `databricks.yml`, from here upwards; this one where there is none."""
    here = Path.cwd()
    return next((place for place in (here, *here.parents) if (place / "databricks.yml").is_file()), here)
