"""The files of the commit that a run uses, as tasks find them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from brickyard.workspace.api.errors import ApiError
from brickyard.workspace.files.git import shown_url
from brickyard.workspace.files.notebooks import recognise
from brickyard.workspace.jobs.directories import source_directory
from brickyard.workspace.jobs.kinds.base import Faulty
from brickyard.workspace.jobs.records import RunRecord

if TYPE_CHECKING:
    from brickyard.workspace.workspace import Workspace

__all__ = ["Snapshot", "snapshot_of"]

_EXTENSIONS = (".py", ".ipynb", ".sql", ".scala", ".r", ".R")
_RUNNABLE = ("PYTHON", "SQL")


@dataclass(frozen=True)
class Snapshot:
    """The files of the commit that a run uses.

    Attributes:
        url: The repository.
        commit: The commit.
        path: Where tasks find the files.
        place: Where they are on this machine.
    """

    url: str
    commit: str
    path: str
    place: Path

    def notebook(self, path: str) -> str:
        """A notebook in it, as tasks name it; given without its extension, as the service wants it, or with it.

        Raises:
            Faulty: There is none, or it is in a language that is not executed here.
        """
        found = next((one for one in self._candidates(path) if one.is_file()), None)
        try:
            language = None if found is None else recognise(found.name, found.read_bytes())
        except (ApiError, OSError):
            language = None
        if found is None or language is None:
            raise self._missing("Notebook", path)
        if language not in _RUNNABLE:
            raise Faulty(f"NotSupported: notebooks in {language} cannot be executed in a local workspace")
        return self._named(found)

    def file(self, path: str) -> Path:
        """A file in it.

        Raises:
            Faulty: There is none.
        """
        found = self._inside(path)
        if found is None or not found.is_file():
            raise self._missing("File", path)
        return found

    def python_file(self, path: str) -> str:
        """A file in it, as tasks name it.

        Raises:
            Faulty: There is none.
        """
        return self._named(self.file(path))

    def directory(self, path: str) -> str:
        """A directory in it, as tasks name it.

        Raises:
            Faulty: There is none.
        """
        found = self._inside(path)
        if found is None or not found.is_dir():
            raise self._missing("Directory", path)
        return self._named(found)

    def _candidates(self, path: str) -> list[Path]:
        found = [self._inside(path + extension) for extension in ("", *_EXTENSIONS)]
        return [one for one in found if one is not None]

    def _inside(self, path: str) -> Path | None:
        try:
            place = (self.place / path).resolve()
            return place if place.is_relative_to(self.place.resolve()) and place.exists() else None
        except (OSError, ValueError):  # no file can have such a name
            return None

    def _named(self, place: Path) -> str:
        return f"{self.path}/{place.relative_to(self.place.resolve()).as_posix()}".removesuffix("/.")

    def _missing(self, what: str, path: str) -> Faulty:
        return Faulty(
            f"{what} not found: {path}. It is looked up from the root of {self.url} at commit {self.commit}.",
            "RESOURCE_NOT_FOUND",
        )


def snapshot_of(workspace: Workspace, run: RunRecord) -> Snapshot:
    """The files of the commit that a run uses."""
    url, commit = shown_url(run.settings["git_source"]["git_url"]), run.request.commit
    name = f"{hashlib.sha256(url.encode()).hexdigest()[:12]}_{commit}"
    return Snapshot(url, commit, f"/Workspace/Repos/.internal/{name}", source_directory(workspace, run))
