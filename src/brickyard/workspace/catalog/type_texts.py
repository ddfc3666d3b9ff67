"""Types as SQL writes them, as the JSON of Spark's schemas: `array<int>` is `{"type": "array", ...}`.

Source: the Delta protocol (schema serialization) and the SQL reference of data types.
"""

from __future__ import annotations

import re
from typing import Any

__all__ = ["type_of_text"]

_TOKEN = re.compile(r"\s*(`(?:[^`]|``)*`|'(?:[^'\\]|\\.)*'|[A-Za-z_0-9]+|[<>(),:])")
_NAMES = {
    "bigint": "long", "int": "integer", "smallint": "short", "tinyint": "byte", "real": "float", "dec": "decimal",
    "numeric": "decimal", "bool": "boolean", "null": "void",
}  # fmt: skip
_PLAIN = frozenset(
    ("long", "integer", "short", "byte", "float", "double", "boolean", "string", "binary", "date", "timestamp")
) | frozenset(("timestamp_ntz", "void", "variant"))


def type_of_text(text: str) -> Any:
    """The type that a text writes; none where it writes none that is known."""
    reader = _Reader(text)
    try:
        found = reader.type()
    except ValueError:
        return None
    return found if reader.done else None


class _Reader:
    def __init__(self, text: str) -> None:
        self._tokens = _TOKEN.findall(text) if _TOKEN.sub("", text).strip() == "" else []
        self._place = 0

    @property
    def done(self) -> bool:
        return self._place == len(self._tokens)

    def type(self) -> Any:
        name = self._next().lower()
        name = _NAMES.get(name, name)
        if name in ("array", "map", "struct"):
            return getattr(self, f"_{name}")()
        if name == "decimal":
            digits = [*self._arguments(), "0"] if self._peek() == "(" else ["10", "0"]
            return f"decimal({','.join(digits[:2])})"
        if name in ("char", "varchar"):
            return f"{name}({','.join(self._arguments())})"
        if name == "interval":
            return self._interval()
        if name not in _PLAIN:
            raise ValueError(name)
        if name == "string" and self._take("collate"):
            self._next()
        return name

    def _array(self) -> Any:
        self._expect("<")
        element = self.type()
        self._expect(">")
        return {"type": "array", "elementType": element, "containsNull": True}

    def _map(self) -> Any:
        self._expect("<")
        key = self.type()
        self._expect(",")
        value = self.type()
        self._expect(">")
        return {"type": "map", "keyType": key, "valueType": value, "valueContainsNull": True}

    def _struct(self) -> Any:
        self._expect("<")
        fields: list[Any] = []
        while not self._take(">"):
            if fields:
                self._expect(",")
            fields.append(self._field())
        return {"type": "struct", "fields": fields}

    def _field(self) -> Any:
        name = self._next().strip("`").replace("``", "`")
        self._take(":")
        field = {"name": name, "type": self.type(), "nullable": True, "metadata": {}}
        if self._take("not"):
            self._expect("null")
            field["nullable"] = False
        if self._take("comment"):
            field["metadata"] = {"comment": self._next().strip("'")}
        return field

    def _interval(self) -> str:
        words = ["interval", self._next().lower()]
        if self._take("to"):
            words += ["to", self._next().lower()]
        return " ".join(words)

    def _arguments(self) -> list[str]:
        """`(10, 2)`; none where there are no brackets."""
        if not self._take("("):
            return []
        found = [self._next()]
        while self._take(","):
            found.append(self._next())
        self._expect(")")
        return found

    def _next(self) -> str:
        if self.done:
            raise ValueError("the text ends")
        self._place += 1
        return str(self._tokens[self._place - 1])

    def _peek(self) -> str:
        return "" if self.done else str(self._tokens[self._place]).lower()

    def _take(self, word: str) -> bool:
        if self._peek() != word:
            return False
        self._place += 1
        return True

    def _expect(self, word: str) -> None:
        if not self._take(word):
            raise ValueError(word)
