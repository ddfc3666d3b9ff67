"""Names in the bodies of functions of the catalog, which say through which functions they are reached.

A table that a function reads is read with the rights of the function's owner, and so is a function that it calls. When
a call has become the body, the names in it are still to be told from those of the statement around: the catalog's part
of such a name begins with a word that stands for the chain of functions. The catalog checks each step of a chain; the
word is made anew for each statement, so that nobody can write it.

Source: https://learn.microsoft.com/azure/databricks/sql/language-manual/sql-ref-authorized-user
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from typing import Any

from brickyard.workspace.compute.gateway.sugar.tree import replace, touch

__all__ = ["Chains", "mark_calls", "mark_tables", "routine_link"]

_MARK = "\x01"


def routine_link(full_name: str) -> str:
    """A function as a step of a chain; other names are of views."""
    return f"{full_name}()"


class Chains:
    """The chains of functions in one statement."""

    def __init__(self) -> None:
        self._words: dict[tuple[str, ...], str] = {}
        self._chains: dict[str, tuple[str, ...]] = {}

    def part(self, catalog: str, chain: Sequence[str]) -> str:
        """The catalog's part of a name that is reached through these functions, the outermost first."""
        if not chain:
            return catalog
        word = self._words.setdefault(tuple(chain), secrets.token_hex(16))
        self._chains[word] = tuple(chain)
        return f"{_MARK}{word}{_MARK}{catalog}"

    def split(self, part: str) -> tuple[tuple[str, ...], str]:
        """The functions through which a name is reached, by its first part, and that part without them."""
        _, _, rest = part.partition(_MARK)
        word, _, catalog = rest.partition(_MARK)
        return (self._chains[word], catalog) if word in self._chains else ((), part)


def mark_tables(body: Any, name: Sequence[str], above: Callable[[str], str], kept: frozenset[str]) -> None:
    """Tables in the body of a function are those of its own schema.

    Args:
        body: The body.
        name: The function.
        above: The catalog's part of a name in it.
        kept: The words that stand before a path.
    """
    from sqlglot import exp

    ctes = {cte.alias.lower() for cte in body.find_all(exp.CTE)}
    for table in list(body.find_all(exp.Table)):
        if not isinstance(table.this, exp.Identifier):
            continue
        schema, catalog = table.args.get("db"), table.args.get("catalog")
        if schema is None:
            if table.name.lower() in ctes:
                continue
            if not table.alias:
                table.set("alias", exp.TableAlias(this=exp.to_identifier(table.name, quoted=True)))
            table.set("db", exp.to_identifier(name[1], quoted=True))
        elif catalog is None and schema.name.lower() in kept:
            continue
        own = name[0] if catalog is None else catalog.name
        table.set("catalog", exp.to_identifier(above(own), quoted=True))
        touch(table)


def mark_calls(found: Sequence[tuple[Any, Sequence[str]]]) -> None:
    """Give calls of functions of the catalog their full names."""
    from sqlglot import exp

    for call, (catalog, schema, _) in found:
        above = [exp.to_identifier(one, quoted=True) for one in (catalog, schema)]
        if isinstance(call.parent, exp.Table):
            call.parent.set("catalog", above[0])
            call.parent.set("db", above[1])
            touch(call.parent)
        else:
            place = call.parent if isinstance(call.parent, exp.Dot) else call
            replace(place, exp.Dot.build([*above, call.copy()]))
