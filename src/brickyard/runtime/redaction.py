"""Keeping secrets out of what a task shows: their values, and the trivial ways of writing them differently."""

from __future__ import annotations

import base64
import functools
import html
import json
import re
import urllib.parse
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

__all__ = ["REDACTED", "Redactor", "passwords_in", "texts_of", "without_passwords"]

REDACTED = "[REDACTED]"
#: Shorter values are words of everyday text: they are hidden where they stand alone, and not in other forms.
_SHORT = 4
#: What people put between the characters of a secret to show it nevertheless.
_BETWEEN = " \t\r\n,;'\"|_.-[]"
_USER = re.compile(r"\bhttps?://([^\s/?#\"'<>]+)@", re.IGNORECASE)
#: A user of an address without a password that is as long is a token.
_TOKEN = 20
_HIDDEN = "****"  # as installers write it: an address stays one
_PROBE = 16  # characters that are compared before all are


class Redactor:
    """Replaces the values of secrets in text.

    A value is found as it is, reversed, in upper and lower case, in base64, hexadecimal, URL and HTML encoding and
    as JSON and Python write it, also with blanks or punctuation between its characters.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets: set[str] = set()
        self._forms: dict[str, set[str]] = {}  # by what may stand between their characters
        self.add(*secrets)

    @property
    def secrets(self) -> frozenset[str]:
        """The values that are hidden."""
        return frozenset(self._secrets)

    def add(self, *secrets: str) -> None:
        """Hide these values from now on; blank ones are ignored."""
        new = {secret for secret in secrets if secret.strip()} - self._secrets
        self._secrets |= new
        for form in (form for secret in new for form in _forms(secret)):
            self._forms.setdefault(_between(form), set()).add(form)

    def redact(self, text: str) -> str:
        """The text without the secrets."""
        parts, end = [], 0
        for begin, behind in _merged(self._spans(text)):
            parts += [text[end:begin], REDACTED]
            end = behind
        return "".join([*parts, text[end:]])

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
        begin = max((behind for _, behind in self._spans(text)), default=0)
        cut = len(text)
        for between, forms in self._forms.items():
            longest = max(map(len, forms))
            tail = text[begin:].translate(_without(between))[-longest:]
            kept = max(_overlap(tail, form) for form in forms)
            if kept:
                cut = min(cut, _positions(text, between)[-kept])
        return cut

    def _spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Where there are forms of secrets in the text; they may overlap."""
        for between, forms in self._forms.items():
            plain = text.translate(_without(between)) if between else text
            found = [form for form in forms if form in plain]
            positions = _positions(text, between) if found else []
            for form in found:
                at = plain.find(form)
                while at >= 0:
                    begin, behind = positions[at], positions[at + len(form) - 1] + 1
                    if len(form) >= _SHORT or _stands_alone(text, begin, behind):
                        yield begin, behind
                    at = plain.find(form, at + len(form))


def texts_of(value: bytes) -> list[str]:
    """The texts as which a secret's bytes are shown: also bytes that are no text, as Python writes them."""
    written = repr(value)[2:-1]
    try:
        return list({value.decode(), written})
    except UnicodeDecodeError:
        encoded = base64.b64encode(value).decode().rstrip("=")
        return [value.decode(errors="replace"), value.decode("latin-1"), written, encoded, value.hex()]


def passwords_in(text: str) -> set[str]:
    """The passwords and tokens in the addresses of a text, as they are written and as they are meant."""
    found: set[str] = set()
    for user in _USER.findall(text):
        name, _, password = user.partition(":")
        secret = password or (name if len(name) >= _TOKEN else "")
        found |= {secret, urllib.parse.unquote(secret)}
    return found - {""}


def without_passwords(value: Any) -> Any:
    """A text, or a JSON value with texts, without the passwords and tokens in its addresses (`https://me:****@host`)."""
    if isinstance(value, str):
        return _USER.sub(lambda found: found[0].replace(found[1], _user(found[1])), value)
    if isinstance(value, dict):
        return {key: without_passwords(item) for key, item in value.items()}
    return [without_passwords(item) for item in value] if isinstance(value, list) else value


def _user(user: str) -> str:
    name, colon, password = user.partition(":")
    return f"{_HIDDEN if len(name) >= _TOKEN else name}{colon}{_HIDDEN if password else ''}"


def _forms(secret: str) -> Iterable[str]:
    yield secret
    if len(secret) < _SHORT:
        return
    raw = secret.encode()
    yield from (secret[::-1], secret.upper(), secret.lower(), raw.hex(), raw.hex().upper())
    yield from (html.escape(secret), urllib.parse.quote(secret, safe=""), json.dumps(secret)[1:-1], repr(secret)[1:-1])
    yield from _base64_forms(raw)
    yield from _joined(secret)
    yield from (line for line in secret.splitlines() if len(line) >= 2 * _SHORT)


def _joined(secret: str) -> Iterable[str]:
    """The value with something between its characters that is one of them, too; see `_between` for all else."""
    blanks = [blank for blank in _BETWEEN if blank in secret]
    for blank in blanks:
        yield from (blank.join(secret), blank.join(reversed(secret)))
    if blanks:
        yield from (repr(list(secret))[1:-1], json.dumps(list(secret))[1:-1])


def _base64_forms(raw: bytes) -> Iterable[str]:
    """The value in base64, on its own and inside a longer text, where it may begin at any of three offsets."""
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        yield encode(raw).decode().rstrip("=")
        for offset in range(3):
            inner = encode(b"\0" * offset + raw).decode().rstrip("=")
            first, last = (0, 2, 3)[offset], (len(raw) + offset) // 3 * 4
            if last - first >= 2 * _SHORT:
                yield inner[first:last]


def _between(form: str) -> str:
    """What may stand between a form's characters: none of its own, and nothing where it is short."""
    return "".join(character for character in _BETWEEN if character not in form) if len(form) >= _SHORT else ""


@functools.cache
def _without(characters: str) -> dict[int, None]:
    return dict.fromkeys(map(ord, characters))


def _positions(text: str, between: str) -> Sequence[int]:
    """Where in the text the characters are that are left without those between."""
    return [at for at, character in enumerate(text) if character not in between] if between else range(len(text))


def _stands_alone(text: str, begin: int, behind: int) -> bool:
    """Whether there is no letter or digit right before or behind."""
    return not any(
        character.isalnum() or character == "_" for character in (text[begin - 1 : begin] + text[behind:][:1])
    )


def _merged(spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Spans in order, those that overlap as one."""
    last: tuple[int, int] | None = None
    for begin, behind in sorted(spans):
        if last is not None and begin < last[1]:
            last = (last[0], max(last[1], behind))
            continue
        if last is not None:
            yield last
        last = (begin, behind)
    if last is not None:
        yield last


def _overlap(tail: str, form: str) -> int:
    """How many characters at the end of `tail` are the beginning of `form`, and not all of it."""
    at = tail.find(form[0], max(0, len(tail) - len(form) + 1))
    while at >= 0:
        if form.startswith(tail[at : at + _PROBE]) and form.startswith(tail[at:]):
            return len(tail) - at
        at = tail.find(form[0], at + 1)
    return 0
