"""Regular expressions of Java as Rust's, where they mean other things without an error.

Java's classes of words, digits and spaces are of ASCII letters, its dot passes over no kind of line break, and a second
sign after a quantifier makes it possessive.

Source: https://docs.oracle.com/en/java/javase/17/docs/api/java.base/java/util/regex/Pattern.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from brickyard.workspace.compute.gateway.errors import unsupported

__all__ = ["as_rust", "matches_nothing"]

CLASSES = {"w": "0-9A-Za-z_", "d": "0-9", "s": r" \t\n\x0B\f\r"}
ASCII = {
    "Alpha": "A-Za-z",
    "Lower": "a-z",
    "Upper": "A-Z",
    "Digit": "0-9",
    "Alnum": "0-9A-Za-z",
    "Punct": r"!-/:-@\[-`{-~",
    "Space": CLASSES["s"],
    "XDigit": "0-9A-Fa-f",
    "ASCII": r"\x00-\x7F",
}
DOT = r"[^\n\r\x{85}\x{2028}\x{2029}]"
#: An escape with what belongs to it, the parts of a class, a quantifier with the sign after it, or a single sign.
TOKEN = re.compile(r"\\[pP]\{\w+\}|\\.|\[:|\[\^?|\]|(?:[*+?]|\{\d+(?:,\d*)?\})\+|.", re.DOTALL)
#: The end, also before a last line break, with that.
END = r"(?:\r\n|[\n\r\x{85}\x{2028}\x{2029}])?$"
EACH_LINE = re.compile(r"\(\?[a-zA-Z]*m")
ALL_LINES = re.compile(r"\(\?[a-zA-Z]*s")
INSTEAD = "Write the pattern in another way, or use Python's re."


@lru_cache(1024)
def as_rust(pattern: str, *, loose: bool = False) -> str:
    """The pattern, with what Rust reads otherwise spelled out.

    Args:
        pattern: What Java reads.
        loose: It does not matter whether a last line break is a part of what is found.

    Raises:
        SparkError: UNSUPPORTED_BY_ENGINE.
    """
    rust = "".join(_tokens(pattern, ALL_LINES.search(pattern) is not None))
    ends = loose and "$" in pattern and not EACH_LINE.search(pattern)
    return "".join(_with_ends(rust)) if ends else rust


def _tokens(pattern: str, dot_is_all: bool) -> Iterator[str]:
    depth = 0
    for found in TOKEN.finditer(pattern):
        token = found[0]
        if depth and token == "[:":
            raise unsupported("classes such as [[:alpha:]], which Java reads as the letters in them", r"Use \p{Alpha}.")
        if not depth and len(token) > 1 and token[-1] == "+" and token[0] in "*+?{":
            raise unsupported(f"the possessive quantifier {token} in a regular expression", INSTEAD)
        depth += token in {"[", "[^", "[:"}
        depth -= token == "]" and depth > 0
        yield _dotless(token, depth, dot_is_all) if len(token) == 1 else _class(token, depth)


def _with_ends(pattern: str) -> Iterator[str]:
    depth = 0
    for found in TOKEN.finditer(pattern):
        depth += found[0] in {"[", "[^"}
        depth -= found[0] == "]" and depth > 0
        yield END if found[0] == "$" and not depth else found[0]


def _dotless(token: str, depth: int, dot_is_all: bool) -> str:
    return DOT if token == "." and not depth and not dot_is_all else token


def _class(token: str, depth: int) -> str:
    """A class of characters, inside of brackets or not."""
    name = token[3:-1] if token[1] in "pP" else token[1].lower()
    letters = ASCII.get(name) if token[1] in "pP" else CLASSES.get(name)
    if token[0] != "\\" or letters is None:
        return token
    negated = token[1].isupper()
    return letters if depth and not negated else f"[{'^' if negated else ''}{letters}]"


@lru_cache(1024)
def matches_nothing(pattern: str, first: int) -> bool:
    """Whether a pattern matches between two characters, from a place on: Java and Rust find other places then."""
    try:
        found = re.compile(re.sub(r"\\[pP]\{\w+\}", r"\\w", pattern)).finditer("z q1A,")
    except re.error:
        return False
    return any(first <= one.start() == one.end() for one in found)
