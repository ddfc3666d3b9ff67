"""JSON, CSV and variants."""

from __future__ import annotations

import re

from brickyard.workspace.compute.gateway.errors import SparkError, unsupported
from brickyard.workspace.compute.gateway.values.rules.json_lists import strict
from brickyard.workspace.compute.gateway.values.rules.model import Call, Fix, Rule, all_of, mismatch
from brickyard.workspace.compute.gateway.values.rules.texts import json_of, quoted, text_of
from brickyard.workspace.compute.gateway.values.rules.types import FLOATS, fields
from brickyard.workspace.compute.gateway.values.rules.variants import of_variant

__all__ = ["RULES"]

#: Types whose JSON the engine writes otherwise: parts of seconds, exponents, zeros at the end.
AFFECTED = ("timestamp", *FLOATS, "decimal(")
NUMBERS = (
    "[UNSUPPORTED_BY_ENGINE] The engine returns the objects and lists of get_json_object() as they are written, with "
    "numbers such as 1.50 and escapes, not as Databricks writes them. Use from_json() or parse_json()."
)
#: A text that may be a number with a point or an exponent, and what may be written otherwise inside of an object.
POINTED = r"^-?[0-9]+([.][0-9]+([eE][-+]?[0-9]+)?|[eE][-+]?[0-9]+)$"
STRANGE = r"[.][0-9]+0([^0-9]|$)|[0-9][eE]|[0-9]{8}[.]|[.][0-9]{16}|(^|[^0-9])0[.]000|[\\][u/]"
#: The names of options, and values of `mode`.
IGNORED = (
    *("allowunquotedfieldnames", "allowsinglequotes", "allowcomments", "allownumericleadingzeros", "failfast"),
    *("allowbackslashescapinganycharacter", "allownonnumericnumbers", "primitivesasstring", "prefersdecimal"),
    *("columnnameofcorruptrecord", "locale", "multiline", "dropmalformed"),
)
#: A field with a blank before or after it, after so many others.
PADDED = r"^([^,]*,){%d}([ \t]|[^,]*[ \t](,|$))"
#: Options with which other fields have blanks, or none.
APART = ("sep", "delimiter", "whitespace")
BLANKS = (
    "[UNSUPPORTED_BY_ENGINE] The engine cuts the blanks around fields in from_csv(). Use regexp_replace() to leave "
    "them out first, or split()."
)
#: The type TIME in a schema, not as the name of a field.
TIME = re.compile(r"(?i)[\s:<]time\s*(?:[(,>]|$)")
STRING = r'"(?:[^"\\]|\\.)*"'


def _check_options(call: Call, number: int) -> None:
    """Options are texts."""
    kind = call.kind(number)
    if kind.startswith("map<") and kind != "map<string,string>":
        text = f'A type of keys and values in `map()` must be string, but got "{kind.upper()}".'
        raise SparkError("INVALID_OPTIONS.NON_STRING_TYPE", f"Invalid options: {text}", sql_state="42K06")


def _to_json(call: Call) -> Fix | None:
    kind = call.kind()
    _check_options(call, 1)
    if not any(one in kind for one in AFFECTED):
        return None
    if len(call.operands) > 1:
        if "timestampformat" in call.operands[1].text.lower() and not any(one in kind for one in AFFECTED[1:]):
            return None
        raise unsupported("to_json with options of timestamps or numbers with a point", "Leave the options out.")
    return Fix(json_of(kind, "$1"), "string")


def _to_csv(call: Call) -> Fix | None:
    parts = fields(call.kind())
    if not parts:
        return None
    if len(call.operands) > 1:
        raise unsupported("to_csv with options", "Use concat_ws().")
    row = f"concat_ws(',', {', '.join(_csv(name, kind) for name, kind in parts)})"
    return Fix(f"(CASE WHEN isnull($1) THEN NULL ELSE {row} END)", "string")


def _csv(name: str, kind: str) -> str:
    field = f"$1.`{name.replace('`', '``')}`"
    if kind.startswith("time("):
        return f"coalesce(CAST({field} AS STRING), '')"
    written = text_of(kind, field) if kind in FLOATS else f"to_csv(named_struct('x', {field}))"
    return f"if(isnull({field}), '', {written})"


def _get_json(call: Call) -> Fix | None:
    """A number is written as Java does, an object without spaces; what was a string stays."""
    path = call.operands[1].value if len(call.operands) == 2 else None
    if path is None or "*" in path:
        raise unsupported("get_json_object with [*] or a path that is no literal", "Use from_json().")
    found, texts = "get_json_object($1, $2)", "isnotnull(variant_get(parse_json($1), $2, 'string'))"
    number = f"{found} RLIKE {quoted(POINTED)}"
    value = f"CAST((CASE WHEN {number} THEN {found} ELSE '0' END) AS DOUBLE)"
    outside = f"regexp_replace({found}, {quoted(STRING)}, '')"
    strange = f"({outside} RLIKE {quoted(STRANGE)} OR {found} RLIKE {quoted(STRANGE[-7:])})"
    compact = f"regexp_replace({found}, {quoted(f'({STRING})|' + chr(92) + 's+')}, '${{1}}')"
    return Fix(
        f"(CASE WHEN isnull({found}) THEN NULL WHEN NOT ({number} OR {found} RLIKE '^[{{\\\\[]') THEN {found} "
        f"WHEN {texts} THEN {found} WHEN {number} THEN {text_of('double', value)} "
        f"WHEN {strange} THEN raise_error({quoted(NUMBERS)}) ELSE {compact} END)",
        "string",
    )


def _type(call: Call) -> Fix | None:
    """The name of a variant's type."""
    if "interval" in call.kind():  # the engine has one for those of years and one for all others
        raise unsupported("typeof() of an INTERVAL", "Look at the schema of the rows that it is made of.")
    return Fix(quoted(call.kind()), "string") if "variant" in call.kind() else None


def _from_json(call: Call) -> Fix | None:
    """Options that the engine does not look at, and types that it leaves empty."""
    _check_options(call, 2)
    if call.name == "from_json" and len(call.operands) > 1 and TIME.search(call.operands[1].value or ""):
        raise SparkError(
            "UNSUPPORTED_TIME_TYPE", "The data type TIME is not supported. Read it as STRING, and cast it."
        )
    text = call.operands[2].text.lower() if len(call.operands) > 2 else ""
    found = [option for option in IGNORED if option in text]
    if found:
        raise unsupported(f"{call.name} with the option {found[0]}", "Leave it out, or parse the text in Python.")
    if call.name == "from_csv" and len(call.operands) > 1 and not any(option in text for option in APART):
        blanks = f"$0 RLIKE {quoted(_padded(call.operands[1].value or ''))}"
        return Fix(inner={1: f"(CASE WHEN {blanks} THEN raise_error({quoted(BLANKS)}) ELSE $0 END)"})
    if call.name == "from_json" and 2 <= len(call.operands) <= 3:
        value = strict(call.operands[1].value or "") if len(call.operands) == 2 else ""
        return Fix(f"(CASE WHEN btrim($1) = '' THEN NULL ELSE {value or f'from_json({all_of(call)})'} END)")
    return None


def _schema(call: Call) -> Fix | None:
    if call.kind() == "void":
        raise mismatch("UNEXPECTED_NULL", "Cannot resolve `schema_of_csv`: the csv must not be null.")
    return None


def _padded(schema: str) -> str:
    """A pattern for a line in which a field has blanks that matter: numbers with a point are read without them."""
    parts = [] if set(schema) & set("(<`") else schema.split(",")
    exact = [at for at, part in enumerate(parts) if part.upper().split()[1:2] not in (["DOUBLE"], ["FLOAT"])]
    return "|".join(PADDED % at for at in exact) if parts else PADDED.replace("{%d}", "*")


def _variant(call: Call) -> Fix | None:
    """A part of a variant in a type."""
    kind = (call.operands[2].value or "").lower() if len(call.operands) == 3 else ""
    made = of_variant(kind, "variant_get($1, $2)", tried=call.name == "try_variant_get")
    return Fix(made, kind) if made else None


def _from_xml(call: Call) -> Fix | None:
    """Fields that the engine leaves empty."""
    schema = (call.operands[1].value or "").lower() if len(call.operands) > 1 else ""
    found = next((kind for kind in ("timestamp", "map<", " time") if kind in schema), None)
    if found is not None:
        raise unsupported(f"from_xml of {found.strip(' <').upper()}", "Read it as STRING or a struct, and cast it.")
    return None


def _to_xml(call: Call) -> Fix | None:
    """Options that the engine does not look at."""
    text = call.operands[1].text.lower() if len(call.operands) > 1 else ""
    found = next((option for option in ("indent", "timestampformat", "dateformat") if option in text), None)
    if found is not None:
        raise unsupported(f"to_xml with the option {found}", "Leave it out, or format the values first.")
    return None


def _length(call: Call) -> Fix | None:
    """Only arrays have a length."""
    return Fix("if(ltrim($1) LIKE '[%', json_array_length($1), CAST(NULL AS INT))", "int")


RULES = {
    **dict.fromkeys(("from_json", "from_csv"), Rule(_from_json, (2,))),
    "schema_of_csv": Rule(_schema),
    "json_array_length": Rule(_length),
    **dict.fromkeys(("variant_get", "try_variant_get"), Rule(_variant)),
    "from_xml": Rule(_from_xml),
    "to_xml": Rule(_to_xml),
    "to_json": Rule(_to_json, (0, 1)),
    "to_csv": Rule(_to_csv, (0,)),
    "get_json_object": Rule(_get_json),
    "typeof": Rule(_type, (0,)),
}
