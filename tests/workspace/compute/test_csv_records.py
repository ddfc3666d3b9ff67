"""CSV: what is read in bulk is what the emulation of Spark's parser reads sign by sign."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brickyard.workspace.compute.gateway.sources import plain, schemas
from brickyard.workspace.compute.gateway.sources.csv_records import Dialect, is_record, records_of, split

LINES = st.text('ab,"\\ ;', max_size=14)


@given(LINES, st.sampled_from([Dialect(), Dialect(separator=";"), Dialect(escape='"'), Dialect(quote="")]))
def test_lines_are_split_as_sign_by_sign(line: str, dialect: Dialect) -> None:
    if is_record(line, dialect):
        assert [split(line, dialect)] == [values for values, _ in records_of(line, dialect)]


VALUES = st.sampled_from(["1", "2.5", "x", "", '"q, r"', "2024-01-01", "true", " 7", "12345678901", '"a \\"b"', "\\5"])
ROWS = st.lists(st.lists(VALUES, min_size=2, max_size=3), min_size=1, max_size=6)


@given(ROWS)
def test_types_are_told_alike_in_bulk(tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]]) -> None:
    file: Path = tmp_path_factory.mktemp("csv") / "a.csv"
    file.write_text("a,b\n" + "".join(",".join(row) + "\n" for row in rows))
    options = {"header": "true", "inferschema": "true"}
    bulk = schemas.inferred("csv", [file], options, "UTC", "_corrupt_record")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(schemas, "columns_of_texts", lambda *_: None)
        slow = schemas.inferred("csv", [file], {**options, "samplingratio": "1.0"}, "UTC", "_corrupt_record")
    assert bulk == slow


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('a,"b, c"\n', True),
        ('a,"b""c"\n', False),
        ('a,"b\nc"\n', False),
        ('a,""\n', False),
        ("a\\,b\r\n\r\n", True),
        ('a\\,"b"\n', False),
        ('"a \\"b\\"",c', True),
        ('"a \\x",c', False),
        ('"a" ,c', False),
    ],
)
def test_which_files_every_reader_splits_alike(tmp_path: Path, text: str, found: bool) -> None:
    (tmp_path / "a.csv").write_bytes(text.encode())
    assert plain.has_plain_lines(tmp_path / "a.csv", {}) is found
