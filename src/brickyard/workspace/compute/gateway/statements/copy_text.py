"""What a COPY INTO statement says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from brickyard.workspace.compute.gateway.errors import PARSE, SparkError, unsupported
from brickyard.workspace.compute.gateway.names import quote
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.sqltext import Cursor
from brickyard.workspace.compute.gateway.statements.describe import target

__all__ = ["Copy", "Query", "read_copy", "read_options"]

FORMATS = frozenset({"csv", "json", "avro", "orc", "parquet", "text", "binaryfile"})
COPY_OPTIONS = frozenset({"force", "mergeschema"})
#: Options that are about which files are read, and not for the reader.
OF_FILES = frozenset({"recursivefilelookup", "ignorecorruptfiles"})
METADATA = "_METADATA"


@dataclass(frozen=True)
class Query:
    """`SELECT ... FROM 'path'`, of which the path is to be replaced.

    Attributes:
        before: The text before the path.
        after: The text behind it.
        asks_for_metadata: Whether it names the files' `_metadata`.
    """

    before: str
    after: str
    asks_for_metadata: bool

    def text(self, name: str) -> str:
        """The query on something that has a name."""
        return f"{self.before}{quote(name)}{self.after}"


@dataclass
class Copy:
    """One statement.

    Attributes:
        place: The Delta table.
        name: What it is called.
        source: The path that is read.
        kind: The format, in lower case.
        options: Options of the reader.
        copying: The COPY_OPTIONS, their names in lower case.
        columns: The table's columns that are given, in this order.
        preview: The rows to validate, 0 for all; None if the files are to be loaded.
    """

    place: Path
    name: str
    source: str = ""
    kind: str = ""
    options: dict[str, str] = field(default_factory=dict)
    copying: dict[str, str] = field(default_factory=dict)
    files: list[str] | None = None
    pattern: str | None = None
    query: Query | None = None
    by_position: bool = False
    columns: list[str] | None = None
    preview: int | None = None

    @property
    def force(self) -> bool:
        """Whether files that were loaded are loaded again."""
        return _is_on(self.copying, "force")

    @property
    def merges(self) -> bool:
        """Whether the table gets the columns that it does not have."""
        return _is_on(self.copying, "mergeschema")

    def flag(self, name: str) -> bool:
        """Whether an option about the files is on; its name is in lower case."""
        return _is_on({key.lower(): value for key, value in self.options.items()}, name)


def _is_on(options: Mapping[str, str], name: str) -> bool:
    return options.get(name, "false").lower() == "true"


def read_copy(cursor: Cursor, session: Session) -> Copy:
    """Read the statement.

    Raises:
        SparkError: PARSE_SYNTAX_ERROR, COPY_INTO_SYNTAX_ERROR, or a format that there is not.
    """
    cursor.expect("COPY", "INTO")
    start = cursor.position
    place, table = target(cursor, session, write=True)
    copy = Copy(place, str(table.name) if table else cursor.sql[cursor.tokens[start].start :].split()[0])
    if cursor.take("BY", "POSITION"):
        copy.by_position = True
    elif cursor.peek() == "(":
        copy.columns = cursor.names()
    cursor.expect("FROM")
    _source(cursor, copy)
    while not cursor.done:
        _clause(cursor, copy)
    _check(copy)
    return copy


def _source(cursor: Cursor, copy: Copy) -> None:
    if not cursor.take("("):
        copy.source = cursor.string()
        _refuse_credentials(cursor)
        return
    first, depth = cursor.tokens[cursor.position], 1
    named = cursor.position
    while depth:
        token = cursor.next()
        depth += {"(": 1, ")": -1}.get(token.text, 0) if token.kind != "STRING" else 0
        if token.kind == "STRING" and cursor.tokens[cursor.position - 2].text.upper() == "FROM":
            named = cursor.position - 1
            _refuse_credentials(cursor)
    path, last = cursor.tokens[named], cursor.tokens[cursor.position - 1]
    if path.kind != "STRING":
        raise _malformed("the query must be SELECT ... FROM 'path'")
    copy.source = path.text
    inside = [token for token in cursor.tokens if first.start <= token.start < last.start]
    copy.query = Query(
        cursor.sql[first.start : path.start],
        cursor.sql[path.end + 1 : last.start],
        any(token.text.upper() == METADATA for token in inside),
    )


def _refuse_credentials(cursor: Cursor) -> None:
    if cursor.peek() == "WITH":
        raise unsupported("WITH (CREDENTIAL ...) of COPY INTO", "Load from a volume: /Volumes/...")


def _clause(cursor: Cursor, copy: Copy) -> None:
    if cursor.take("FILEFORMAT"):
        cursor.expect("=")
        copy.kind = cursor.next().text.lower()
    elif cursor.take("VALIDATE"):
        copy.preview = _preview(cursor)
    elif cursor.take("FILES"):
        cursor.expect("=")
        copy.files = _strings(cursor)
    elif cursor.take("PATTERN"):
        cursor.expect("=")
        copy.pattern = cursor.string()
    elif cursor.take("FORMAT_OPTIONS"):
        copy.options |= read_options(cursor)
    elif cursor.take("COPY_OPTIONS"):
        copy.copying |= {name.lower(): value for name, value in read_options(cursor).items()}
    else:
        raise cursor.error("expected a clause of COPY INTO")


def _preview(cursor: Cursor) -> int:
    if cursor.take("ALL") or not cursor.peek().isdigit():
        return 0
    count = int(cursor.number())
    cursor.expect("ROWS")
    return count


def _strings(cursor: Cursor) -> list[str]:
    cursor.expect("(")
    found = [cursor.string()]
    while cursor.take(","):
        found.append(cursor.string())
    cursor.expect(")")
    return found


def read_options(cursor: Cursor) -> dict[str, str]:
    """Read `('name' = 'value', ...)`; the marks around names, and around values that are no texts, may be left out."""
    found = {}
    cursor.expect("(")
    while not cursor.take(")"):
        string = cursor.tokens[cursor.position].kind == "STRING"
        name = cursor.string() if string else ".".join(cursor.name())
        cursor.take("=")
        found[name] = str(cursor.next().text)
        if cursor.peek() != ")":
            cursor.expect(",")
    return found


def _check(copy: Copy) -> None:
    if copy.kind not in FORMATS:
        text = "The format of the source files must be one of CSV, JSON, AVRO, ORC, PARQUET, TEXT, or BINARYFILE."
        raise SparkError("COPY_INTO_SOURCE_FILE_FORMAT_NOT_SUPPORTED", text, sql_state="0A000")
    unknown = [name for name in copy.copying if name not in COPY_OPTIONS]
    if unknown:
        raise _malformed(f"there is no COPY_OPTION '{unknown[0]}'; there are force and mergeSchema")
    if copy.files is not None and copy.pattern is not None:
        raise _malformed("FILES and PATTERN cannot be given together")
    header = any(name.lower() == "header" and value.lower() == "true" for name, value in copy.options.items())
    if (copy.by_position or copy.columns is not None) and (copy.kind != "csv" or header):
        raise _malformed("BY POSITION and columns are for CSV files without a header")


def _malformed(detail: str) -> SparkError:
    return SparkError("COPY_INTO_SYNTAX_ERROR", f"Failed to parse COPY INTO: {detail}.", kind=PARSE, sql_state="42601")
