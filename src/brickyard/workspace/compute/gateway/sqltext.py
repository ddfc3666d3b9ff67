"""SQL as tokens: read a statement left to right, cut pieces out of it, and splice replacements in.

The user's text is never printed from a tree: only the spans that name tables and paths are replaced, so that
what Sail parses is what the user wrote.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from brickyard.workspace.compute.gateway.digits import check_digits
from brickyard.workspace.compute.gateway.errors import PARSE, SparkError, parse_error, unsupported
from brickyard.workspace.compute.gateway.remembered import LONGEST, remembered

__all__ = [
    "Cursor",
    "Edit",
    "Token",
    "begins_script",
    "dialect",
    "parse",
    "parser",
    "read",
    "splice",
    "tokenize",
    "triples",
    "without_hints",
]


@dataclass(frozen=True)
class Edit:
    """Replace the characters `start` to `end` (exclusive) of a text."""

    start: int
    end: int
    text: str


def splice(text: str, edits: Iterable[Edit]) -> str:
    """Apply edits that do not overlap."""
    for edit in sorted(edits, key=lambda edit: edit.start, reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


@cache
def dialect() -> Any:
    """The dialect that user SQL is written in."""
    from sqlglot.dialects import Databricks

    return type("DatabricksOfUsers", (Databricks,), {"Parser": parser()})()


@cache
def parser() -> Any:
    """The dialect's parser, which also reads `GROUP BY window(time, '5 minutes')`."""
    from sqlglot import TokenType
    from sqlglot.dialects import Databricks

    base = Databricks.Parser

    def grouped(self: Any, skip_group_by_token: bool = False) -> Any:
        after = [token.token_type for token in self._tokens[self._index + 1 : self._index + 3]]
        if after == [TokenType.WINDOW, TokenType.L_PAREN]:  # not the clause WINDOW, but a function
            self.QUERY_MODIFIER_TOKENS = base.QUERY_MODIFIER_TOKENS - {TokenType.WINDOW}
        try:
            return base._parse_group(self, skip_group_by_token)
        finally:
            self.QUERY_MODIFIER_TOKENS = base.QUERY_MODIFIER_TOKENS

    return type("Parser", (base,), {"_parse_group": grouped})


@cache
def _tokenizer() -> Any:
    """The dialect's tokenizer, except that it reads SHOW, EXECUTE and the like word by word too, and `$$` as quotes."""
    from sqlglot.dialects import Databricks

    base = Databricks.Tokenizer
    words: Any = type("Words", (base,), {"COMMANDS": set(), "RAW_STRINGS": [*base.RAW_STRINGS, "$$"]})
    return words(dialect=dialect())


@dataclass(frozen=True)
class Token:
    """One word, string, name or sign; `start` and `end` (inclusive) are its place in the text."""

    text: str
    kind: str
    start: int
    end: int
    line: int
    col: int

    @property
    def is_quoted(self) -> bool:
        """Whether it is a text or a name in quotes, which is no word of a statement."""
        return self.kind == "IDENTIFIER" or self.kind.endswith("STRING")


def _words(token: Any) -> Iterator[Token]:
    """The parser's token; `PARTITIONED BY` is one for it, and two here."""
    kind = token.token_type.name
    whole = Token(token.text, kind, token.start, token.end, token.line, token.col)
    if whole.is_quoted or " " not in token.text:
        yield whole
        return
    parts = token.text.split()
    yield Token(parts[0], kind, token.start, token.start + len(parts[0]) - 1, token.line, token.col)
    for part in parts[1:]:
        yield Token(part, kind, token.end - len(part) + 1, token.end, token.line, token.col)


def tokenize(sql: str) -> list[Token]:
    """The tokens of the statement, without comments and a closing semicolon.

    Raises:
        SparkError: PARSE_SYNTAX_ERROR.
    """
    return list(_tokens(sql))


@lru_cache(32)
def _tokens(sql: str) -> tuple[Token, ...]:
    """The same; a statement is asked for several times while it is rewritten."""
    from sqlglot.errors import SqlglotError

    try:
        tokens = [word for token in _tokenizer().tokenize(sql) for word in _words(token)]
    except SqlglotError as exc:
        raise parse_error(str(exc)) from exc
    check_digits(tokens)
    while tokens and tokens[-1].text == ";":
        tokens.pop()
    script = tokens and begins_script(tokens[0])
    if not script and any(token.text == ";" and token.kind == "SEMICOLON" for token in tokens):
        raise parse_error("Several statements in one call; Spark runs one statement at a time.")
    return tuple(tokens)


def begins_script(first: Token) -> bool:
    """Whether a statement that begins so is a script: `BEGIN ... END`."""
    return not first.is_quoted and first.text.upper() == "BEGIN"


def triples(tokens: list[Token]) -> Iterator[tuple[str, Token, str]]:
    """Each token with the text of its neighbours; none has an empty text."""
    texts = ["", *(token.text for token in tokens), ""]
    yield from zip(texts, tokens, texts[2:], strict=False)


def without_hints(sql: str) -> str:
    """The statement with its hints blanked: the engine here takes no advice, and their names are no tables."""
    if "/*+" not in sql:
        return sql
    edits, start = [], -1
    for token in tokenize(sql):
        if token.kind == "HINT":
            start = token.start if start < 0 else start
            if token.text.endswith("*/"):
                edits.append(Edit(start, token.end + 1, " " * (token.end + 1 - start)))
                start = -1
    return splice(sql, edits)


def parse(sql: str, language: Any = None) -> Any:
    """The tree of one statement.

    Args:
        sql: The statement.
        language: A dialect of sqlglot; without one, that of users.

    Raises:
        SparkError: PARSE_SYNTAX_ERROR.
    """
    if language is None and len(sql) <= LONGEST:
        return read(sql).copy()
    return _parsed(sql, language or dialect())


@remembered
def read(sql: str) -> Any:
    """The same in the dialect of users; others have this tree, too: nobody must change it."""
    return _parsed(sql, dialect())


def _parsed(sql: str, language: Any) -> Any:
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    try:
        trees = [tree for tree in language.parse(sql) if not isinstance(tree, exp.Semicolon | None)]
    except SqlglotError as exc:
        if _has_table_argument(sql):
            raise unsupported("a table as an argument (TABLE(...))", "Use df.groupBy(...).applyInPandas(...).") from exc
        raise _complaint(getattr(exc, "errors", [])) from exc
    if len(trees) != 1:
        raise parse_error("Expected exactly one statement.")
    return trees[0]


def _has_table_argument(sql: str) -> bool:
    """Whether something like `f(TABLE(t) PARTITION BY k)` is in a text; the parser does not know it."""
    words = [token.text.upper() for token in tokenize(sql)]
    return any(
        words[at] in {"(", ",", "=>"} and words[at + 1 : at + 3] == ["TABLE", "("] for at in range(len(words) - 2)
    )


def _complaint(details: list[dict[str, Any]]) -> SparkError:
    if not details:
        return parse_error("Syntax error.")
    said, near, line = (details[0][key] for key in ("description", "highlight", "line"))
    if said.startswith("The number of provided arguments") or _lacks_argument(said, near):
        text = f"A function that ends at '{near}' (line {line}) has too few or too many arguments."
        return SparkError("WRONG_NUM_ARGS.WITHOUT_SUGGESTION", text, sql_state="42605")
    if said.startswith("Expected TYPE after"):
        text = f"Unsupported data type '{near}' (line {line})."
        return SparkError("UNSUPPORTED_DATATYPE", text, kind=PARSE, sql_state="0A000")
    return parse_error(f"Syntax error near '{near}' (line {line}).")


def _lacks_argument(said: str, near: str) -> bool:
    from sqlglot import exp

    found = re.match(r"Required keyword: '.*' missing for <class '.*\.(\w+)'>", said)
    kind = getattr(exp, found[1], None) if found and near == ")" else None
    return kind is not None and issubclass(kind, exp.Func) and not issubclass(kind, exp.Binary)


class Cursor:
    """Reads the tokens of one statement from left to right."""

    def __init__(self, sql: str) -> None:
        self.sql = sql
        self.tokens = tokenize(sql)
        self.position = 0

    @property
    def done(self) -> bool:
        """Whether all tokens are read."""
        return self.position >= len(self.tokens)

    def peek(self, ahead: int = 0) -> str:
        """A coming word or sign in upper case, a name or text in quotes with them; empty at the end."""
        index = self.position + ahead
        if index >= len(self.tokens):
            return ""
        token = self.tokens[index]
        return self.sql[token.start : token.end + 1] if token.is_quoted else token.text.upper()

    def take(self, *words: str) -> bool:
        """Read the words if they come next."""
        if all(self.peek(i) == word for i, word in enumerate(words)):
            self.position += len(words)
            return True
        return False

    def expect(self, *words: str) -> None:
        """Read the words, which must come next."""
        if not self.take(*words):
            raise self.error(f"expected {' '.join(words)}")

    def next(self) -> Token:
        """Read one token."""
        if self.done:
            raise self.error("unexpected end")
        self.position += 1
        return self.tokens[self.position - 1]

    def name(self) -> list[str]:
        """Read a dotted name."""
        parts = [self._part()]
        while self.take("."):
            parts.append(self._part())
        return parts

    def _part(self) -> str:
        token = self.next()
        if token.kind == "STRING" or not (
            token.text[:1].isalnum() or token.kind == "IDENTIFIER" or token.text[:1] == "_"
        ):
            raise self.error("expected a name", back=1)
        return str(token.text)

    @property
    def at_string(self) -> bool:
        """Whether a string literal comes next."""
        return not self.done and self.tokens[self.position].kind == "STRING"

    def string_or_name(self) -> str:
        """Read a string literal, or a dotted name as one text."""
        return self.string() if self.at_string else ".".join(self.name())

    def string(self) -> str:
        """Read a string literal."""
        token = self.next()
        if token.kind != "STRING":
            raise self.error("expected a string", back=1)
        return str(token.text)

    def number(self) -> float:
        """Read a number."""
        token = self.next()
        try:
            return float(token.text)
        except ValueError as exc:
            raise self.error("expected a number", back=1) from exc

    def until(self, *words: str) -> str:
        """Read up to one of the words or signs, or a closing bracket that was not opened: the text.

        Raises:
            SparkError: PARSE_SYNTAX_ERROR: there is nothing before it.
        """
        start, depth = self.position, 0
        while not self.done and (depth or self.peek() not in {*words, ")"}):
            depth += {"L_PAREN": 1, "R_PAREN": -1}.get(self.next().kind, 0)
        if start == self.position:
            raise self.error("expected an expression")
        return self.since(start)

    def since(self, position: int) -> str:
        """The text from a token to before the current one."""
        if position == self.position:
            return ""
        return self.sql[self.tokens[position].start : self.tokens[self.position - 1].end + 1]

    def names(self) -> list[str]:
        """Read `(a, b)` or `a, b`."""
        bracket = self.take("(")
        names = [".".join(self.name())]
        while self.take(","):
            names.append(".".join(self.name()))
        if bracket:
            self.expect(")")
        return names

    def end(self) -> None:
        """Everything must be read."""
        if not self.done:
            raise self.error("unexpected text")

    def rest(self) -> str:
        """The text from here on."""
        return "" if self.done else self.sql[self.tokens[self.position].start : self.tokens[-1].end + 1]

    def error(self, detail: str, back: int = 0) -> Exception:
        """A syntax error at this place."""
        index = self.position - back
        token = self.tokens[index] if index < len(self.tokens) else None
        near = f"near '{token.text}' (line {token.line}, position {token.col})" if token else "at the end"
        return parse_error(f"Syntax error {near}: {detail}.")
