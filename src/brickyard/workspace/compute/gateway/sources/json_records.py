"""JSON as Spark reads it: numbers keep their text, keys may be there twice, and texts may be in single quotes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

__all__ = ["Items", "Number", "Pairs", "parse", "parse_exactly"]

SPACE = re.compile(r"[ \t\r\n]*")
NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|[+-]?(?:Infinity|INF)|NaN", re.ASCII)
TEXTS = {
    '"': re.compile(r'"((?:[^"\\\x00-\x1f]|\\.)*)"', re.DOTALL),
    "'": re.compile(r"'((?:[^'\\\x00-\x1f]|\\.)*)'", re.DOTALL),
}
WORDS = {"true": True, "false": False, "null": None}


class Number(str):
    """A number as it is written."""

    __slots__ = ()


class Pairs(list[tuple[str, Any]]):
    """An object: its keys and values, in their order; `raw` is its text, where it is known."""

    raw: str | None = None


class Items(list[Any]):
    """An array; `raw` is its text."""

    raw: str | None = None


_FAST = json.JSONDecoder(object_pairs_hook=Pairs, parse_float=Number, parse_int=Number, parse_constant=Number)


def parse(text: str) -> Any:
    """The first value of a text: objects as `Pairs`, arrays as lists, numbers as `Number`.

    Raises:
        ValueError: There is none.
    """
    try:
        return _FAST.raw_decode(text.lstrip(" \t\r\n"))[0]
    except ValueError:
        return parse_exactly(text)


def parse_exactly(text: str) -> Any:
    """The same, slower: objects and arrays know their texts, and single quotes are read."""
    return _Parser(text).value()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def value(self) -> Any:
        sign = self._next()
        if sign == "{":
            return self._many(Pairs(), "}", self._pair)
        if sign == "[":
            return self._many(Items(), "]", self.value)
        if sign in TEXTS:
            return self._string(sign)
        for word, value in WORDS.items():
            if self._text.startswith(word, self._at):
                self._at += len(word)
                return value
        found = NUMBER.match(self._text, self._at)
        if found is None:
            raise self._wrong()
        self._at = found.end()
        return Number(found[0])

    def _next(self) -> str:
        found = SPACE.match(self._text, self._at)
        self._at = found.end() if found else self._at
        return self._text[self._at : self._at + 1]

    def _many(self, found: Any, end: str, read: Callable[[], Any]) -> Any:
        start = self._at
        self._at += 1
        if self._next() == end:
            self._at += 1
        else:
            while True:
                found.append(read())
                sign = self._next()
                self._at += 1
                if sign == end:
                    break
                if sign != ",":
                    raise self._wrong()
        found.raw = self._text[start : self._at]
        return found

    def _pair(self) -> tuple[str, Any]:
        sign = self._next()
        if sign not in TEXTS:
            raise self._wrong()
        key = self._string(sign)
        if self._next() != ":":
            raise self._wrong()
        self._at += 1
        return key, self.value()

    def _string(self, sign: str) -> str:
        found = TEXTS[sign].match(self._text, self._at)
        if found is None:
            raise self._wrong()
        self._at = found.end()
        body = found[1] if sign == '"' else found[1].replace("\\'", "'").replace('"', '\\"')
        return str(json.loads(f'"{body}"'))

    def _wrong(self) -> ValueError:
        return ValueError(f"no JSON at position {self._at}")
