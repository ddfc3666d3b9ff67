"""What data was made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from brickyard.workspace.compute.gateway.function_places import places_of
from brickyard.workspace.compute.gateway.names import FILE_FORMATS
from brickyard.workspace.compute.gateway.sqltext import tokenize
from brickyard.workspace.stamps import Stamp, stamp_of

__all__ = ["Stamp", "places_in", "stamp_of"]

FORMATS = frozenset(name.lower() for name in FILE_FORMATS)


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
