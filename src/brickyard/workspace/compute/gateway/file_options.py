"""Options of files that Sail does not know, and would ignore without a word: refused by name.

Found by comparing what Sail and Apache Spark read and write with each option of
https://spark.apache.org/docs/latest/sql-data-sources-csv.html and ...-json.html .
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from brickyard.workspace.compute.gateway.errors import OTHER_ENGINE, unsupported

__all__ = ["check_read_options", "check_write_options", "complete_options"]

#: Values with which an option changes nothing.
UTF_8 = frozenset({"utf-8", "utf8"})
OFF = frozenset({"false"})
NONE: frozenset[str] = frozenset()

_ANY = {"modifiedafter": NONE, "modifiedbefore": NONE}
ISO = frozenset({"yyyy-mm-dd"})
_DATES = {"dateformat": ISO, "timestampformat": NONE, "timestampntzformat": NONE, "timezone": NONE, "locale": NONE}
_CODING = {"encoding": UTF_8, "charset": UTF_8}
ENGLISH = frozenset({"en", "en-us", "en_us"})
_CSV = {
    "timestampntzformat": NONE,
    "locale": ENGLISH,
    "chartoescapequoteescaping": NONE,
    "unescapedquotehandling": frozenset({"stop_at_delimiter"}),
}
_JSON = {
    "timestampntzformat": NONE,
    "locale": ENGLISH,
    "prefersdecimal": OFF,
    "dropfieldifallnull": OFF,
    "singlevariantcolumn": NONE,
    "allowcomments": OFF,
    "allowunquotedfieldnames": OFF,
    "allowsinglequotes": frozenset({"true"}),
    "allowbackslashescapinganycharacter": OFF,
    "allowunquotedcontrolchars": OFF,
    "allownumericleadingzeros": OFF,
    "allownonnumericnumbers": frozenset({"true"}),
    "infertimestamp": OFF,
}
_READ: dict[str, Mapping[str, frozenset[str]]] = {"csv": _CSV, "json": _JSON, "text": _CODING}
_WRITE: dict[str, Mapping[str, frozenset[str]]] = {
    "csv": {**_DATES, **_CODING, "chartoescapequoteescaping": NONE, "maxrecordsperfile": NONE},
    "json": {**_DATES, **_CODING, "maxrecordsperfile": NONE},
    "text": _CODING,
}


def complete_options(source: Any) -> None:
    """A backslash escapes a quote inside a CSV value, as Spark has it unless told otherwise."""
    if source.format.lower() == "csv" and not any(key.lower() == "escape" for key in source.options):
        source.options["escape"] = "\\"


def check_read_options(kind: str, options: Mapping[str, str]) -> None:
    """Refuse options of `spark.read` that would be ignored.

    Raises:
        SparkError: UNSUPPORTED_BY_ENGINE.
    """
    if kind != "delta":
        _check(f"reading {kind}", {**_ANY, **_READ.get(kind, {})}, options)


def check_write_options(kind: str, options: Mapping[str, str]) -> None:
    """Refuse options of `df.write` that would be ignored.

    Raises:
        SparkError: UNSUPPORTED_BY_ENGINE.
    """
    _check(f"writing {kind}", _WRITE.get(kind, {}), options)


def _check(what: str, refused: Mapping[str, frozenset[str]], options: Mapping[str, str]) -> None:
    for name, value in options.items():
        harmless = refused.get(name.lower())
        if harmless is not None and value.lower() not in harmless:
            instead = f"Convert the columns after or before it, use pandas for these files, or {OTHER_ENGINE}."
            raise unsupported(f"the option '{name}' = '{value}' of {what}", instead)
