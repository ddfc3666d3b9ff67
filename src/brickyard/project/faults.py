"""What is wrong in a project's files: every fault with file, line, what was expected and the nearest name."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from brickyard.errors import ProjectError

__all__ = ["Fault", "Faults", "Position", "ProjectFaults", "nearest"]


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in a file of the project; line and column count from one."""

    file: Path
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong.

    Args:
        at: Where it stands.
        what: What is wrong, as a clause without a full stop.
        expected: What would have been right, if that can be said.
        nearest: The valid name that is most like the one that was written.
    """

    at: Position
    what: str
    expected: str | None = None
    nearest: str | None = None

    def __str__(self) -> str:
        text = f"{self.at}: {self.what}"
        if self.expected:
            text += f"; expected {self.expected}"
        if self.nearest:
            text += f"; did you mean '{self.nearest}'?"
        return text


class ProjectFaults(ProjectError):
    """The project's files are wrong; `faults` has everything that was found, in the order of the files."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(sorted(faults, key=lambda fault: fault.at))
        count = len(self.faults)
        lines = "\n".join(f"  {fault}" for fault in self.faults)
        super().__init__(
            f"the project has {count} fault{'s' if count != 1 else ''}:\n{lines}",
            next="correct the lines above, then run `brickyard validate`",
        )


@dataclass(slots=True)
class Faults:
    """Collects faults, so that a user sees all of them at once, and warnings, which stop nothing."""

    found: list[Fault] = field(default_factory=list)
    warnings: list[Fault] = field(default_factory=list)

    def add(self, at: Position, what: str, *, expected: str | None = None, nearest: str | None = None) -> None:
        """Note a fault once, however many readers come across it."""
        fault = Fault(at, what, expected, nearest)
        if fault not in self.found:
            self.found.append(fault)

    def warn(self, at: Position, what: str, *, expected: str | None = None) -> None:
        """Note something that is allowed and probably not meant."""
        fault = Fault(at, what, expected)
        if fault not in self.warnings:
            self.warnings.append(fault)

    def stop_if_any(self) -> None:
        """Raise what was found so far.

        Raises:
            ProjectFaults: At least one fault was noted.
        """
        if self.found:
            raise ProjectFaults(self.found)


def nearest(name: str, valid: Collection[str]) -> str | None:
    """The valid name most like `name`, or None if none is like it."""
    begins = [item for item in valid if len(name) > 1 and item.startswith(name)]
    if len(begins) == 1:
        return begins[0]
    matches = difflib.get_close_matches(name, valid, n=1, cutoff=0.6)
    return matches[0] if matches else None
