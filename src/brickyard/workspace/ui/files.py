"""The page of a volume or of a directory in it."""

from __future__ import annotations

import codecs
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from brickyard.workspace.api.errors import NotFound
from brickyard.workspace.ui.page import Page

if TYPE_CHECKING:
    from brickyard.workspace.identity import Principal
    from brickyard.workspace.workspace import Workspace

__all__ = ["volume"]

_MOST = 1000
_SHOWN = 64 * 1024


@dataclass(frozen=True)
class Entry:
    """A file or directory; `changed_at` is in epoch milliseconds."""

    name: str
    address: str
    is_directory: bool
    size: int
    changed_at: int


def volume(workspace: Workspace, principal: Principal, path: Mapping[str, str]) -> Page:
    """What is in a directory of a volume."""
    names = (path["catalog"], path["schema"], path["volume"])
    full_path = "/".join(("/Volumes", *names, path.get("path", "")))
    workspace.files.place_access.require_sight(principal, full_path)
    place = workspace.files.readable(full_path)
    if not place.local.exists():
        raise NotFound(f"There is nothing at {place.path}.")
    base = "/explore/data/volumes/" + "/".join(quote(name) for name in place.names)
    is_file = place.local.is_file()
    entries, cut = (_entry(place.local, base), False) if is_file else _entries(place.local, base)
    catalog, schema, *inner = place.names
    way = [("Data", "/"), (f"{catalog}.{schema}", f"/explore/data/{catalog}/{schema}")]
    for depth in range(1, len(inner)):
        address = "/explore/data/volumes/" + "/".join(quote(name) for name in place.names[: depth + 2])
        way.append((inner[depth - 1], address))
    values = {"entries": entries, "cut": cut, "path": place.path, "most": _MOST}
    values |= {"text": _beginning(place.local) if is_file else None, "shown": _SHOWN}
    kind = "Volume" if len(inner) == 1 else "File" if is_file else "Directory"
    return Page("volume.html", inner[-1], kind, tuple(way), values)


def _beginning(path: Path) -> str | None:
    """How a text begins; nothing of a file that is no text in UTF-8."""
    with path.open("rb") as file:
        read = file.read(_SHOWN)
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(read)  # the last letter may be cut in two
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


def _entries(directory: Path, base: str) -> tuple[list[Entry], bool]:
    """Directories first, each by name, and whether there are more than are shown."""
    with os.scandir(directory) as found:
        paths = [Path(one.path) for one in islice(found, _MOST + 1)]
    entries = [entry for path in paths[:_MOST] for entry in _entry(path, f"{base}/{quote(os.fsencode(path.name))}")]
    return sorted(entries, key=lambda one: (not one.is_directory, one.name)), len(paths) > _MOST


def _entry(path: Path, address: str) -> list[Entry]:
    """The entry; none where it was deleted meanwhile."""
    try:
        facts = path.lstat()
    except FileNotFoundError:
        return []
    name = path.name.encode(errors="surrogateescape").decode(errors="replace")
    return [Entry(name, address, stat.S_ISDIR(facts.st_mode), facts.st_size, int(facts.st_mtime * 1000))]
