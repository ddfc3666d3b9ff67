"""What a workspace needs of this machine, and whether it is there."""

from __future__ import annotations

import platform
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from brickyard.errors import WorkspaceProcessError
from brickyard.workspace.compute.engines.choice import EngineChoice
from brickyard.workspace.compute.engines.reports import EngineReport, report
from brickyard.workspace.layout import home, layout_of

__all__ = ["Diagnosis", "Finding", "examine"]

_NAMES = ("sail", "jvm", "remote")
_LEAST_GB = 2


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        name: What it is.
        works: Whether it is as it should be.
        found: What is there.
        next: What to do, or what to know.
    """

    name: str
    works: bool
    found: str
    next: str = ""


@dataclass(frozen=True)
class Diagnosis:
    """What was found.

    Attributes:
        findings: All of it.
        default: The engine of clusters that name none.
        works: Whether that engine does, and what every workspace needs is there.
    """

    findings: tuple[Finding, ...]
    default: str
    works: bool


def examine(workspace: str | None = None) -> Diagnosis:
    """Look at this machine.

    Args:
        workspace: Whose default engine must work; without one it is Sail.

    Raises:
        WorkspaceProcessError: There is no such workspace.
    """
    chosen = EngineChoice.of({}, _default(workspace) if workspace else "sail")
    others = [EngineChoice(name) for name in _NAMES if name != chosen.name]
    engines = sorted((report(one) for one in (chosen, *others)), key=lambda one: _NAMES.index(one.name))
    needed = (_python(), _uv(), _disk())
    works = all(one.works for one in needed) and any(one.works for one in engines if one.name == chosen.name)
    return Diagnosis((*map(_engine, engines), *needed), chosen.name, works)


def _default(workspace: str) -> str:
    layout = layout_of(workspace)
    if not layout.settings.exists():
        raise WorkspaceProcessError(f"there is no workspace '{workspace}'", next="see `brickyard workspace list`")
    return layout.read_settings().engine


def _engine(found: EngineReport) -> Finding:
    return Finding(f"engine {found.name}", found.works, found.version, found.next)


def _python() -> Finding:
    works = sys.version_info >= (3, 11)
    return Finding("Python", works, platform.python_version(), "" if works else "Use Python 3.11 or later.")


def _uv() -> Finding:
    from uv import find_uv_bin

    try:
        return Finding("uv", True, find_uv_bin())
    except FileNotFoundError:
        return Finding("uv", False, "the program is not there", "Install it: pip install uv.")


def _disk() -> Finding:
    place = home()
    while not place.exists() and place != Path(place.anchor):
        place = place.parent
    free = shutil.disk_usage(place).free / 1e9
    works = free >= _LEAST_GB
    return Finding(
        "disk", works, f"{free:.1f} GB free for {home()}", "" if works else "Make room, or set BRICKYARD_HOME."
    )
