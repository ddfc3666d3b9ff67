"""Filters of SCIM lists and PATCH paths: those of RFC 7644, section 3.4.2.2, without comparisons of size.

Written here because the libraries for this grammar refuse what the vendor's own examples send: values without
quotation marks (`userName eq me@example.com`) or with single ones.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

from brickyard.workspace.identity.scim.errors import ScimError, bad
from brickyard.workspace.identity.scim.schema import Attribute, Schema, Shape

__all__ = ["Predicate", "item_filter", "parse_filter", "texts"]

Predicate: TypeAlias = Callable[[Mapping[str, Any]], bool]
_Find: TypeAlias = Callable[[str], tuple[Callable[[Mapping[str, Any]], list[str]], bool]]

_TOKEN = re.compile(r"""\s*([()]|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^\s()"'][^\s()]*)""")
_LONGEST = 200  # of the vendor: an expression has at most so many nodes
_TESTS: Mapping[str, Callable[[str, str], bool]] = {
    "eq": lambda value, wanted: value == wanted,
    "co": lambda value, wanted: wanted in value,
    "sw": lambda value, wanted: value.startswith(wanted),
    "ew": lambda value, wanted: value.endswith(wanted),
}


def parse_filter(schema: Schema, text: str) -> Predicate:
    """What decides whether a resource, as JSON, matches a filter.

    Raises:
        ScimError: `invalidFilter`: the text is no filter, or names an attribute or operator that there is not.
    """

    def find(name: str) -> tuple[Callable[[Mapping[str, Any]], list[str]], bool]:
        first, _, rest = _split(schema, name)
        attribute = schema.find(first)
        part = None if attribute is None or not rest else attribute.part(rest)
        if attribute is None or (rest and part is None):
            raise _invalid(f"{schema.noun} has no attribute {name!r} to filter by")
        return lambda resource: texts(attribute, part, resource), attribute.exact

    return _Parser(text, find).parse()


def item_filter(attribute: Attribute, text: str) -> Predicate:
    """What decides whether one object of a list attribute matches, as in `members[value eq "1"]`.

    Raises:
        ScimError: `invalidFilter`, as for `parse_filter`.
    """

    def find(name: str) -> tuple[Callable[[Mapping[str, Any]], list[str]], bool]:
        part = attribute.part(name)
        if part is None:
            raise _invalid(f"an object of {attribute.name} has no {name!r}; it has {', '.join(attribute.parts)}")
        return lambda item: [_text(item[part])] if item.get(part) is not None else [], part == "value"

    return _Parser(text, find).parse()


def texts(attribute: Attribute, part: str | None, resource: Mapping[str, Any]) -> list[str]:
    """The values of an attribute, or of a part of it, as texts; of a list, those of all its objects."""
    value = resource.get(attribute.name)
    if value is None:
        return []
    if attribute.shape in (Shape.TEXT, Shape.FLAG):
        return [_text(value)]
    items: list[Mapping[str, Any]] = [value] if attribute.shape is Shape.PARTS else value
    names = [part] if part else (attribute.parts if attribute.shape is Shape.PARTS else ["value", "display"])
    return [_text(item[name]) for item in items for name in names if item.get(name) is not None]


_DEEPEST = 50


class _Parser:
    """Reads one expression: `or` binds weaker than `and`, and parentheses group, also after `not`."""

    def __init__(self, text: str, find: _Find) -> None:
        self._find = find
        self._tokens = list(_tokens(text))
        self._at = 0
        self._depth = 0

    def parse(self) -> Predicate:
        found = self._either()
        if self._at < len(self._tokens):
            raise _invalid(f"{self._tokens[self._at]!r} was not expected; expected was `and` or `or`")
        return found

    def _either(self) -> Predicate:
        parts = [self._both()]
        while self._accept("or"):
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else lambda resource: any(part(resource) for part in parts)

    def _both(self) -> Predicate:
        parts = [self._one()]
        while self._accept("and"):
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else lambda resource: all(part(resource) for part in parts)

    def _one(self) -> Predicate:
        if [token.lower() for token in self._tokens[self._at : self._at + 2]] == ["not", "("]:
            self._at += 1
            inner = self._one()
            return lambda resource: not inner(resource)
        if self._accept("("):
            self._depth += 1
            if self._depth > _DEEPEST:
                raise _invalid(f"there are more than {_DEEPEST} parentheses")
            inner = self._either()
            if not self._accept(")"):
                raise _invalid("a closing parenthesis is missing")
            return inner
        return self._comparison()

    def _comparison(self) -> Predicate:
        find, exact = self._find(self._next("an attribute"))
        operator = self._next("an operator").lower()
        if operator == "pr":
            return lambda resource: any(find(resource))
        if operator != "ne" and operator not in _TESTS:
            raise _invalid(f"{operator!r} is not an operator; supported are eq, ne, co, sw, ew and pr")
        wanted = _literal(self._next("a value"))
        test = _TESTS["eq" if operator == "ne" else operator]

        def matches(resource: Mapping[str, Any]) -> bool:
            found = any(
                test(value, wanted) if exact else test(value.casefold(), wanted.casefold()) for value in find(resource)
            )
            return found != (operator == "ne")

        return matches

    def _accept(self, word: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at].lower() == word:
            self._at += 1
            return True
        return False

    def _next(self, what: str) -> str:
        if self._at == len(self._tokens):
            raise _invalid(f"it ends where {what} was expected")
        self._at += 1
        return self._tokens[self._at - 1]


def _tokens(text: str) -> Iterator[str]:
    at, count, end = 0, 0, len(text.rstrip())
    while at < end:
        found = _TOKEN.match(text, at)
        if found is None:
            raise _invalid(f"it cannot be read from {text[at : at + 20]!r} on")
        at, count = found.end(), count + 1
        if count > 4 * _LONGEST:
            raise _invalid(f"it has more than {_LONGEST} nodes")
        yield found[1]


def _literal(token: str) -> str:
    if token[0] == '"':
        try:
            return str(json.loads(token, strict=False))
        except ValueError as error:
            raise _invalid(f"{token} is not a string") from error
    if token[0] == "'":
        return re.sub(r"\\(.)", r"\1", token[1:-1])
    return token


def _split(schema: Schema, name: str) -> tuple[str, str, str]:
    """Attribute and part; the schema before it has dots of its own."""
    if name.lower().startswith(f"{schema.urn.lower()}:"):
        name = name[len(schema.urn) + 1 :]
    return name.partition(".")


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _invalid(why: str) -> ScimError:
    return bad("invalidFilter", f"The filter is not valid: {why}.")
