"""What `display` keeps of tables: values, types, and no more than the vendor keeps."""

from __future__ import annotations

import datetime
import json
from decimal import Decimal
from typing import NamedTuple

import pandas
import pyarrow

from brickyard.runtime.redaction import REDACTED, Redactor
from brickyard.runtime.tables import OUTPUT, Table, of_arrow, of_pandas, of_records


class Pair(NamedTuple):
    left: int
    right: str | None


def test_records_are_a_table_of_all_their_names() -> None:
    assert of_records([{"a": 1}, {"a": 2, "b": "x"}]) == Table([("a", "long"), ("b", "string")], [[1, None], [2, "x"]])
    assert of_records([Pair(1, None), Pair(2, "x")]).columns == [("left", "long"), ("right", "string")]


def test_values_are_what_json_can_hold() -> None:
    moment = datetime.datetime(2024, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
    row = {
        "d": Decimal("1.50"),
        "t": moment,
        "b": b"ab",
        "l": [1, {"k": float("nan")}],
        "day": moment.date(),
        "n": None,
    }
    [values] = of_records([row]).rows
    assert values == ["1.50", "2024-01-02T03:04:05.000Z", "YWI=", [1, {"k": "nan"}], "2024-01-02", None]
    json.dumps(values, allow_nan=False)


def test_pandas_data_keep_types_and_an_index_that_says_something() -> None:
    frame = pandas.DataFrame({"n": [1, 2], "x": [0.5, None], "s": ["a", None]})
    assert of_pandas(frame) == Table(
        [("n", "long"), ("x", "double"), ("s", "string")], [[1, 0.5, "a"], [2, None, None]]
    )
    labelled = of_pandas(frame.set_index("s")[["n"]])
    assert labelled.columns == [("s", "string"), ("n", "long")] and labelled.rows[0] == ["a", 1]


def test_no_more_is_kept_than_the_vendor_keeps() -> None:
    many = of_arrow(pyarrow.table({"n": range(10_001)}))
    assert len(many.rows) == 10_000 and many.note == "Truncated results, showing first 10,000 rows"
    assert of_arrow(pyarrow.table({"n": range(10_000)})).note == ""
    large = of_records([{"text": "x" * 1_000_000}] * 5)
    assert len(large.rows) == 2 and "more than 2 MB" in large.note
    data, metadata = many.bundle()
    assert metadata[OUTPUT]["overflow"] and len(metadata[OUTPUT]["data"]) == 10_000
    assert "9,980 rows more" in data["text/plain"] and data["text/html"].count("<tr>") == 21


def test_a_secret_that_a_cut_goes_through_is_not_shown() -> None:
    table = of_records([{"text": "x" * 190 + "s3cr3t-value-of-ours"}])
    data, _ = table.bundle(Redactor(["s3cr3t-value-of-ours"]).redact)
    assert "s3c" not in data["text/plain"] + data["text/html"] and REDACTED in data["text/plain"]


def test_html_of_a_table_is_escaped() -> None:
    data, _ = of_records([{"<b>": "<script>"}]).bundle()
    assert "<script>" not in data["text/html"] and "&lt;script&gt;" in data["text/html"]
