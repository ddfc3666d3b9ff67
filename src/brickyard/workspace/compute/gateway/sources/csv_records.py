"""Lines of CSV files as Spark splits them into values.

An emulation of the parser that Spark uses (univocity), in the settings that Spark gives it: what follows an unescaped
quote is text up to the next delimiter.
"""

from __future__ import annotations

import csv
import mmap
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

__all__ = ["Dialect", "is_plain", "is_record", "records_of", "split"]

END = "\0\0"  # no character: what comes after the last one
LINES = re.compile(r"\r\n|\n|\r")


@dataclass(frozen=True)
class Dialect:
    """How values are written.

    Args:
        separator: Stands between values.
        quote: Stands around values; empty for none.
        escape: Makes a quote inside a value a part of it.
        comment: Begins lines that are no records; empty for none.
        trims_left: Whether white space before a value goes.
        trims_right: Whether white space behind a value goes.
        line: What ends a line; empty for any of the usual.
        empty: What a value is that has nothing between its quotes.
    """

    separator: str = ","
    quote: str = '"'
    escape: str = "\\"
    comment: str = ""
    trims_left: bool = False
    trims_right: bool = False
    line: str = ""
    empty: str = ""


def is_record(line: str, dialect: Dialect) -> bool:
    """Whether a line is a record, which is none that is empty or a comment."""
    return bool(line.strip()) and not (dialect.comment != "" and line.startswith(dialect.comment))


def split(line: str, dialect: Dialect) -> list[str | None]:
    """The values of one line; None for one without a character."""
    if not dialect.quote or dialect.quote not in line:
        values = line.split(dialect.separator)
        if dialect.trims_left or dialect.trims_right:
            values = [_trimmed(value, dialect) for value in values]
        return [value or None for value in values]
    if _escaped_line(dialect).fullmatch(line):
        separator, quote, escape = dialect.separator, dialect.quote, dialect.escape
        reader = csv.reader([line], delimiter=separator, quotechar=quote, escapechar=escape, doublequote=False)
        return [value or None for value in next(reader)]
    return next(iter(_Parser(line, dialect, multi_line=False).records()), ([], ""))[0]


@cache
def _escaped_line(dialect: Dialect) -> re.Pattern[str]:
    """Lines whose quotes stand around whole values, with nothing special inside but escaped quotes and escapes."""
    if not _is_usual(dialect):
        return re.compile("(?!)")
    return re.compile(_line(dialect))


def _line(dialect: Dialect) -> str:
    """The pattern of a line; values without quotes have neither quotes nor escapes in them."""
    separator, quote, escape = (re.escape(sign) for sign in (dialect.separator, dialect.quote, dialect.escape))
    inside = f"(?:[^{quote}{escape}\\r\\n]|{escape}[{quote}{escape}])++"
    value = f"(?:{quote}{inside}{quote}|[^{quote}{separator}{escape}\\r\\n]*+)"
    return f"{value}(?:{separator}{value})*+"


def is_plain(content: bytes | mmap.mmap, dialect: Dialect) -> bool:
    """Whether the bytes of a file are such lines, which every reader splits alike."""
    signs = (dialect.separator, dialect.quote, dialect.escape)
    if not _is_usual(dialect) or not "".join(signs).isascii():
        return False
    return re.compile(f"(?:{_line(dialect)}(?:\\r?+\\n|\\Z))*+".encode()).fullmatch(content) is not None


def _is_usual(dialect: Dialect) -> bool:
    """Whether values are separated, quoted and escaped by one sign each, and keep their white space."""
    signs = (dialect.separator, dialect.quote, dialect.escape)
    return set(map(len, signs)) == {1} and len(set(signs)) == 3 and not (dialect.trims_left or dialect.trims_right)


def records_of(text: str, dialect: Dialect) -> Iterator[tuple[list[str | None], str]]:
    """The records of a text in which values may have line breaks (`multiLine`), each with its text."""
    return _Parser(LINES.sub("\n", text), dialect, multi_line=True).records()


def _trimmed(value: str, dialect: Dialect) -> str:
    value = value.lstrip(SPACES) if dialect.trims_left else value
    return value.rstrip(SPACES) if dialect.trims_right else value


SPACES = "".join(map(chr, range(33)))


class _Parser:
    """Reads a text character by character."""

    def __init__(self, text: str, dialect: Dialect, *, multi_line: bool) -> None:
        self._text = text
        self._at = 0
        self._dialect = dialect
        self._newline = "\n" if multi_line else END

    def records(self) -> Iterator[tuple[list[str | None], str]]:
        while self._at < len(self._text):
            if self._skipped():
                continue
            start = self._at
            record = [self._value()]
            while self._peek(self._dialect.separator):
                self._at += len(self._dialect.separator)
                record.append(self._value())
            yield record, self._text[start : self._at]
            self._at += 1  # the line break

    def _skipped(self) -> bool:
        """Go on behind an empty line or a comment."""
        comment = self._dialect.comment
        if self._text[self._at] == self._newline:
            self._at += 1
            return True
        if not comment or not self._text.startswith(comment, self._at):
            return False
        end = self._text.find("\n", self._at)
        self._at = len(self._text) if end < 0 else end + 1
        return True

    def _peek(self, what: str) -> bool:
        return self._text.startswith(what, self._at)

    def _ends(self) -> bool:
        return self._at >= len(self._text) or self._peek(self._dialect.separator) or self._peek(self._newline)

    def _value(self) -> str | None:
        if self._dialect.trims_left:
            while not self._ends() and self._text[self._at] <= " ":
                self._at += 1
        if self._dialect.quote and self._peek(self._dialect.quote):
            return self._quoted()
        return _trimmed(self._until_end(), self._dialect) or None

    def _until_end(self) -> str:
        ends = [self._text.find(sign, self._at) for sign in (self._dialect.separator, self._newline)]
        end = min((at for at in ends if at >= 0), default=len(self._text))
        start, self._at = self._at, end
        return self._text[start:end]

    def _quoted(self) -> str:
        """A value that begins with a quote."""
        quote, escape = self._dialect.quote, self._dialect.escape
        found: list[str] = []
        before = ""
        self._at += 1
        while self._at < len(self._text):
            if before == quote and (self._ends() or self._text[self._at] <= " "):
                return self._after_quote(found)
            sign = self._text[self._at]
            self._at += 1
            if sign not in {quote, escape}:
                if before == quote:  # an unescaped quote: the rest is text
                    return quote + "".join(found) + quote + sign + self._until_end()
                found.append((escape if before == escape else "") + sign)
                before = sign
            else:
                before = self._sign(sign, before, found)
        if before == escape and escape != quote:
            found.append(escape)
        return "".join(found) or self._dialect.empty

    def _sign(self, sign: str, before: str, found: list[str]) -> str:
        """A quote or an escape inside a value; what counts as the character before the next."""
        quote, escape = self._dialect.quote, self._dialect.escape
        if sign == escape and before == escape and escape != quote:
            found.append(escape)
            return ""
        if before == escape:
            found.append(quote if sign == quote else escape)
            return "" if sign == quote else sign
        if before == quote:
            found.append(quote)
        return sign

    def _after_quote(self, found: list[str]) -> str:
        """White space behind the closing quote goes; what is behind that makes the whole a text."""
        start = self._at
        while not self._ends() and self._text[self._at] <= " ":
            self._at += 1
        value = "".join(found)
        if self._ends():
            return value or self._dialect.empty
        return self._dialect.quote + value + self._dialect.quote + self._text[start : self._at] + self._until_end()
