"""Functions of text: their arguments as texts, as Spark writes them, and regular expressions as Java reads them."""

from __future__ import annotations

import re
from collections.abc import Callable

from brickyard.workspace.compute.gateway.errors import SparkError, unsupported
from brickyard.workspace.compute.gateway.values.rules.model import Call, Fix, Rule
from brickyard.workspace.compute.gateway.values.rules.regexes import as_rust, matches_nothing
from brickyard.workspace.compute.gateway.values.rules.texts import quoted, written
from brickyard.workspace.compute.gateway.values.rules.types import inside

__all__ = ["RULES", "worded"]

#: Which operands of functions are texts, by their numbers from 1.
TEXTS: dict[str, tuple[int, ...]] = {
    **dict.fromkeys(("upper", "lower", "ucase", "lcase", "length", "char_length", "character_length", "len"), (1,)),
    **dict.fromkeys(("octet_length", "bit_length", "reverse", "repeat", "ascii", "soundex", "initcap"), (1,)),
    **dict.fromkeys(("substring", "substr", "left", "right", "split", "split_part", "substring_index"), (1,)),
    **dict.fromkeys(("regexp_extract", "regexp_extract_all", "regexp_count", "regexp_instr", "regexp_substr"), (1,)),
    **dict.fromkeys(("rlike", "regexp", "regexp_like", "like", "ilike", "regexp_replace", "url_encode"), (1,)),
    **dict.fromkeys(("trim", "ltrim", "rtrim", "btrim", "instr", "locate", "position", "charindex"), (1, 2)),
    **dict.fromkeys(("startswith", "endswith", "contains", "levenshtein"), (1, 2)),
    **dict.fromkeys(("lpad", "rpad"), (1, 3)),
    **dict.fromkeys(("replace", "translate"), (1, 2, 3)),
    "overlay": (1, 2),
}
#: Functions whose second operand is a regular expression.
REGEXES = frozenset({"rlike", "regexp", "regexp_like", "regexp_replace", "split", "regexp_extract"}) | {
    "regexp_extract_all",
    "regexp_count",
    "regexp_instr",
    "regexp_substr",
}
#: Those that go on after what they have found.
REPEATED = frozenset({"split", "regexp_extract_all", "regexp_count", "regexp_replace"})
#: Those that only say whether, where and how often.
TESTS = frozenset({"rlike", "regexp", "regexp_like", "regexp_count", "regexp_instr"})
#: What Java and Rust read differently in a replacement.
SPECIAL = re.compile(r"\\|\$\d\d|\$\{")
LIKES = frozenset({"like", "ilike"})


def worded(name: str, make: Callable[[Call], Fix | None] | None = None) -> Rule:
    """A rule for a function of text, of which something else may have to be corrected too."""
    numbers = TEXTS[name]

    def corrected(call: Call) -> Fix | None:
        _check_pattern(call)
        inner = {number: text for number in numbers if (text := _text(call.kind(number - 1)))}
        inner |= _pattern(call)
        fix = make(call) if make is not None else None
        if fix is None or not inner:
            return fix or (Fix(inner=inner) if inner else None)
        return Fix(_with(fix.template, inner), fix.kind, {**inner, **fix.inner}, fix.around)

    return Rule(corrected, tuple(number - 1 for number in numbers))


def _text(kind: str) -> str:
    """What becomes a text by itself, as one; empty for texts, bytes and what has parts."""
    if kind in {"", "string", "void", "binary", "variant"} or "<" in kind or kind.startswith(("char", "varchar")):
        return ""
    return written(kind, "$0") or "CAST($0 AS STRING)"


def _with(template: str, inner: dict[int, str]) -> str:
    for number, text in inner.items():
        template = template.replace(f"${number}", text.replace("$0", f"${number}"))
    return template


def _pattern(call: Call) -> dict[int, str]:
    """A regular expression in Rust's words."""
    pattern = call.operands[1].value if call.name in REGEXES and len(call.operands) > 1 else None
    if not pattern:
        return {}
    empty = len(call.operands) > 2 and call.operands[2].value == ""
    if call.name in REPEATED and matches_nothing(pattern, 0 if call.name == "split" else 1) and not empty:
        raise unsupported(f"{call.name} with a pattern that matches nothing ({pattern})", "Use + in place of *.")
    if call.name == "regexp_replace" and SPECIAL.search(
        (call.operands[2].value or "") if len(call.operands) > 2 else ""
    ):
        raise unsupported("backslashes and $10 in what regexp_replace puts in place", "Use replace() afterwards.")
    rust = as_rust(pattern, loose=_is_loose(call, pattern))
    return {2: quoted(rust)} if rust != pattern else {}


def _is_loose(call: Call, pattern: str) -> bool:
    """Whether it does not matter if a last line break is a part of what is found."""
    if call.name != "regexp_extract":
        return call.name in TESTS
    group = call.operands[2].number if len(call.operands) > 2 else 1
    return bool(group) and pattern.endswith("$") and pattern.count("$") == 1


def _check_pattern(call: Call) -> None:
    """The escape character stands before `_`, `%` or itself.

    Raises:
        SparkError: INVALID_FORMAT.
    """
    if call.name not in LIKES or call.operands[1].value is None:
        return
    escape = call.operands[2].value if len(call.operands) > 2 else "\\"
    pattern, at = call.operands[1].value, 0
    while escape and (at := pattern.find(escape, at)) >= 0:
        after = pattern[at + 1 : at + 2]
        if not after or after not in {escape, "_", "%"}:
            why = f"precede '{after}'" if after else "end with"
            text = f"The format is invalid: '{pattern}'. The escape character is not allowed to {why}."
            where = "ESC_IN_THE_MIDDLE" if after else "ESC_AT_THE_END"
            raise SparkError(f"INVALID_FORMAT.{where}", text, sql_state="42601")
        at += 2


def _join(call: Call) -> Fix | None:
    """`array_join` of what is no text."""
    element = inside(call.kind())
    text = written(element, "e_")
    return Fix(inner={1: f"transform($0, e_ -> {text})"}) if text else None


def _valid(_: Call) -> Fix | None:
    return Fix("if(isnull($1), NULL, is_valid_utf8($1))", "boolean")


def _overlay(call: Call) -> Fix | None:
    if call.kind() == "binary":
        raise unsupported("overlay of BINARY", "Cut and join hex(...), and use unhex().")
    return None


def _padded(call: Call) -> Fix | None:
    """Bytes stay bytes: two digits for each."""
    if call.kind() != "binary":
        return None
    digits = "hex($3)" if len(call.operands) > 2 else "'00'"
    return Fix(f"unhex(CAST({call.name}(hex($1), 2 * $2, {digits}) AS STRING))", "binary")


def _encoded(call: Call) -> Fix | None:
    """What the characters of an encoding do not have is an error."""
    charset = (call.operands[1].value or "").upper() if len(call.operands) > 1 else ""
    last = {"US-ASCII": "7F", "ISO-8859-1": "FF"}.get(charset)
    if last is None:
        return None
    error = f"[MALFORMED_CHARACTER_CODING] Invalid value found when performing `encode` with {charset}"
    strange = f"$1 RLIKE {quoted(f'[^{chr(92)}x00-{chr(92)}x{last}]')}"
    return Fix(
        f"(CASE WHEN {strange} THEN CAST(raise_error({quoted(error)}) AS BINARY) ELSE encode($1, $2) END)", "binary"
    )


RULES = {
    **{name: worded(name) for name in TEXTS},
    **{name: worded(name, _padded) for name in ("lpad", "rpad")},
    "regexp_substr": worded("regexp_substr", lambda _: Fix(kind="string", around="nullif($0, '')")),
    "encode": Rule(_encoded),
    "overlay": worded("overlay", _overlay),
    "array_join": Rule(_join, (0,)),
    "is_valid_utf8": Rule(_valid),
}
