"""Keeping secrets out of what a task shows: their values, and the trivial ways of writing them differently."""

from __future__ import annotations

import base64
import html
import json
import re
import urllib.parse
from collections.abc import Iterable
from typing import Any

__all__ = ["REDACTED", "Redactor"]

REDACTED = "[REDACTED]"
#: Shorter values are words of everyday text: they are hidden where they stand alone, and not in other forms.
_SHORT = 4
#: What people put between the characters of a secret to show it nevertheless.
_BETWEEN = " \t\r\n,;'\"|_.-[]"
_NOTHING = str.maketrans("", "", _BETWEEN)


class Redactor:
    """Replaces the values of secrets in text.

    A value is found as it is, reversed, in upper and lower case, in base64, hexadecimal, URL and HTML encoding and
    as JSON and Python write it, also with blanks or punctuation between its characters.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self._starts: list[str] = []
        self.add(*secrets)

    @property
    def secrets(self) -> frozenset[str]:
        """The values that are hidden."""
        return frozenset(self._secrets)

    def add(self, *secrets: str) -> None:
        """Hide these values from now on; blank ones are ignored."""
        new = {secret for secret in secrets if secret.strip()} - self._secrets
        if not new:
            return
        self._secrets |= new
        forms = sorted({form for secret in self._secrets for form in _forms(secret)}, key=len, reverse=True)
        self._pattern = re.compile("|".join(_expression(form) for form in forms))
        self._starts = [_squash(form) for form in forms]

    def redact(self, text: str) -> str:
        """The text without the secrets."""
        return text if self._pattern is None else self._pattern.sub(REDACTED, text)

    def redact_all(self, value: Any) -> Any:
        """A JSON value with the secrets taken out of every text in it."""
        if isinstance(value, str):
            return self.redact(value)
        if isinstance(value, dict):
            return {self.redact(str(key)): self.redact_all(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.redact_all(item) for item in value]
        return value

    def unfinished(self, text: str) -> int:
        """Where the end of `text` could be the beginning of a secret; the text's length where it is none."""
        if self._pattern is None:
            return len(text)
        begin = max((match.end() for match in self._pattern.finditer(text)), default=0)
        longest = max(map(len, self._starts))
        squashed, cut = "", len(text)
        for position in range(len(text) - 1, begin - 1, -1):
            squashed = _squash(text[position]) + squashed
            if len(squashed) >= longest:
                break
            if squashed and any(len(squashed) < len(start) and start.startswith(squashed) for start in self._starts):
                cut = position
        return cut


def _forms(secret: str) -> Iterable[str]:
    yield secret
    if len(secret) < _SHORT:
        return
    raw = secret.encode()
    yield from (secret[::-1], secret.upper(), secret.lower(), raw.hex(), raw.hex().upper())
    yield from (html.escape(secret), urllib.parse.quote(secret, safe=""), json.dumps(secret)[1:-1], repr(secret)[1:-1])
    yield from _base64_forms(raw)
    yield from (line for line in secret.splitlines() if len(line) >= 2 * _SHORT)


def _base64_forms(raw: bytes) -> Iterable[str]:
    """The value in base64, on its own and inside a longer text, where it may begin at any of three offsets."""
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        yield encode(raw).decode().rstrip("=")
        for offset in range(3):
            inner = encode(b"\0" * offset + raw).decode().rstrip("=")
            first, last = (0, 2, 3)[offset], (len(raw) + offset) // 3 * 4
            if last - first >= 2 * _SHORT:
                yield inner[first:last]


def _expression(form: str) -> str:
    if len(form) < _SHORT:
        return rf"(?<!\w){re.escape(form)}(?!\w)"
    # Without the form's own characters there is one way to match only, so that no text takes long to search.
    between = "".join(re.escape(character) for character in _BETWEEN if character not in form)
    return (f"[{between}]*+" if between else "").join(re.escape(character) for character in form)


def _squash(text: str) -> str:
    return text.translate(_NOTHING)
