"""What data was made of, and whether it has changed since."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from brickyard.workspace.compute.gateway.commits import latest
from brickyard.workspace.compute.gateway.function_places import places_of
from brickyard.workspace.compute.gateway.names import FILE_FORMATS
from brickyard.workspace.compute.gateway.sqltext import tokenize

__all__ = ["Stamp", "places_in", "stamp_of"]

Stamp = tuple[Any, ...]
FORMATS = frozenset(name.lower() for name in FILE_FORMATS)


def stamp_of(place: Path) -> Stamp:
    """A value that is another one once the table or the files have changed."""
    if (place / "_delta_log").is_dir():
        return ("delta", *_last_commit(place / "_delta_log", latest(place)))
    files = [place] if place.is_file() else sorted(place.rglob("*")) if place.is_dir() else []
    return tuple((str(file), file.stat().st_mtime_ns, file.stat().st_size) for file in files if file.is_file())


def _last_commit(log: Path, version: int) -> Stamp:
    """The version and when it was written: a table that is dropped and made again can have the same number."""
    file = log / f"{version:020d}.json"
    return (version, file.stat().st_mtime_ns, file.stat().st_ino) if file.exists() else (version,)


def places_in(message: Any, view: Callable[[str], Any], through: frozenset[str] = frozenset()) -> Iterator[Path]:
    """The places that a resolved plan reads.

    Args:
        message: The plan, or a part of it.
        view: The resolved plan of a temporary view, if a word is the name of one.
        through: The views inside which this is.
    """
    names: list[str] = []
    if message.DESCRIPTOR.name == "DataSource":
        yield from map(Path, message.paths)
    elif message.DESCRIPTOR.name == "CommonInlineUserDefinedFunction":
        yield from places_of(message.function_name)
    elif message.DESCRIPTOR.name == "SQL":
        found = list(_in_text(message.query))
        yield from (word for word in found if isinstance(word, Path))
        names = [word for word in found if isinstance(word, str)]
    elif message.DESCRIPTOR.name == "NamedTable":
        names = [message.unparsed_identifier.strip("`").lower()]
    for name in set(names) - through:
        inner = view(name)
        if inner is not None:
            yield from places_in(inner, view, through | {name})
    for part, value in message.ListFields():
        if part.message_type is not None and not part.message_type.GetOptions().map_entry:
            for child in value if part.is_repeated else [value]:
                yield from places_in(child, view, through)


def _in_text(sql: str) -> Iterator[Path | str]:
    """The places in a text, and the words that may be names."""
    tokens = tokenize(sql)
    for number, token in enumerate(tokens):
        ahead = tokens[number + 1 : number + 3]
        if token.text.lower() in FORMATS and len(ahead) == 2 and ahead[0].text == "." and ahead[1].text.startswith("/"):
            yield Path(ahead[1].text)
        elif token.kind != "STRING":
            yield token.text.lower()
