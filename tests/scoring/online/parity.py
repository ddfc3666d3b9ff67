"""What `mlflow models serve` answers to a body, and bodies of all forms, right and wrong."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import pandas as pd

from tests.scoring import models

JSON, CSV, PARQUET = "application/json", "text/csv", "application/vnd.apache.parquet"
ARROW = "application/vnd.apache.arrow.stream"


@lru_cache
def _mlflow_client(model: Any) -> Any:
    """A client of MLflow's own scoring application over the same model, which is called in this process."""
    import httpx
    from mlflow.pyfunc import scoring_server

    transport = httpx.ASGITransport(scoring_server.init(model.pyfunc), raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://model")


@lru_cache
def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.new_event_loop()


def ask_mlflow(model: Any, body: bytes, content_type: str) -> tuple[int, bytes]:
    asked = _mlflow_client(model).post("/invocations", content=body, headers={"content-type": content_type})
    reply = _loop().run_until_complete(asked)
    return reply.status_code, reply.content


def meaning(answer: tuple[int, bytes]) -> Any:
    """Status, code and message without the stack trace; a bare 500 of MLflow's server means no more than that."""
    status, body = answer
    if status == 500:
        return status
    try:
        parsed = json.loads(body)
    except ValueError:
        return answer
    if isinstance(parsed, dict) and "message" in parsed:
        return status, parsed["error_code"], parsed["message"]
    return status, parsed


def _records(frame: pd.DataFrame) -> Any:
    return frame.astype(object).where(frame.notna(), None).to_dict("records")


def _split(frame: pd.DataFrame) -> dict[str, Any]:
    return {"columns": list(frame), "data": frame.astype(object).where(frame.notna(), None).to_numpy().tolist()}


def _columns(frame: pd.DataFrame) -> Any:
    return frame.astype(object).where(frame.notna(), None).to_dict("list")


# The forms of rows: their type, and what is sent.
FORMS: dict[str, tuple[str, Callable[[pd.DataFrame], Any]]] = {
    "split": (JSON, lambda frame: {"dataframe_split": _split(frame)}),
    "split with index": (JSON, lambda frame: {"dataframe_split": {**_split(frame), "index": [*range(len(frame))]}}),
    "records": (JSON, lambda frame: {"dataframe_records": _records(frame)}),
    "charset": ("application/json; charset=utf-8", lambda frame: {"dataframe_records": _records(frame)}),
    "instances": (JSON, lambda frame: {"instances": _records(frame)}),
    "inputs": (JSON, lambda frame: {"inputs": _columns(frame)}),
    "csv": (CSV, lambda frame: frame.to_csv(index=False).encode()),
    "parquet": (PARQUET, lambda frame: frame.to_parquet()),
}


def payload(frame: pd.DataFrame, form: str) -> tuple[bytes, str]:
    """Rows in a form, and its type."""
    content_type, make = FORMS[form]
    content = make(frame)
    return content if isinstance(content, bytes) else json.dumps(content).encode(), content_type


def payloads(frame: pd.DataFrame) -> dict[str, tuple[bytes, str]]:
    """The same rows in every form."""
    return {form: payload(frame, form) for form in FORMS}


ROW: dict[str, Any] = {**dict.fromkeys(models.COLUMNS, 1.5), "month": 1, "hour": 2, "weekend": True, "carrier": "AA"}
NAMES = list(ROW)
VALUES = list(ROW.values())
GOOD = json.dumps({"dataframe_records": [ROW]}).encode()
ODD_VALUES: tuple[Any, ...] = (None, "text", [1], {"a": 1}, True, 2**70, -(2**40), 1.5, "")
JSON_TYPES = (
    "Application/JSON",
    "application/json; Charset=utf-8",
    "application/json; charset=UTF-8",
    "application/json;charset=Utf-8",
    "application/json ; charset=utf-8",
    "application/json; charset= utf-8",
    "application/json; charset =utf-8",
    'application/json; charset="utf-8"',
    "application/json; charset=latin-1",
    "application/json; charset=utf-8; charset=utf-8",
    "application/json; charset=utf-8; version=1",
    "application/json; version=1",
    "application/json;",
    "application/json; charset",
    "application/json, text/csv",
    "text/json",
    "Text/CSV",
    "application/vnd.apache.Parquet",
    "application/xml",
    "application/octet-stream",
    ";;;",
)


def documents() -> Iterator[Any]:
    """JSON that is no request, or none of this model."""
    yield from (None, True, 3, 1.5, "text", [], [ROW], {}, {"rows": [ROW]}, {"data": [VALUES]}, {"columns": NAMES})
    forms = ("dataframe_split", "dataframe_records", "instances", "inputs")
    for form, content in itertools.product(forms, (None, True, 3, "text", [], {}, [[]], [{}], [None], {"a": 1})):
        yield {form: content}
    for one, other in itertools.combinations(forms, 2):
        yield {one: [ROW], other: [ROW]}
    yield from ({form: [ROW], "params": params} for form in forms for params in (1, "a", [1], {"nope": 1}))
    split = {"columns": NAMES, "data": [VALUES]}
    for change in (
        {"columns": NAMES[1:]},
        {"columns": [*NAMES, "n0"]},
        {"columns": "text"},
        {"columns": None},
        {"columns": [1, 2]},
        {"data": VALUES},
        {"data": [VALUES, VALUES[1:]]},
        {"data": None},
        {"data": {"a": 1}},
        {"data": [[*VALUES, 1]]},
        {"index": [1, 2, 3]},
        {"more": 1},
    ):
        yield {"dataframe_split": {**split, **change}}
    yield {"dataframe_split": {"columns": NAMES}}
    for name, value in itertools.product(("n0", "month", "hour", "weekend", "carrier"), ODD_VALUES):
        yield {"dataframe_records": [{**ROW, name: value}]}
    yield {"dataframe_records": [{**ROW, "month": 2.5}]}
    for name in ("n0", "month", "carrier"):
        yield {"dataframe_records": [{key: value for key, value in ROW.items() if key != name}]}
        yield {"inputs": {key: [value] for key, value in ROW.items() if key != name}}
    yield {"inputs": {**{key: [value] for key, value in ROW.items()}, "n0": [1, 2]}}
    yield {"inputs": ROW, "params": {"scale": "text"}}


RAW = {
    "cut": (b'{"dataframe_records": [', JSON),
    "empty": (b"", JSON),
    "not utf-8": (b'{"inputs": "\xff"}', JSON),
    "utf-16": (GOOD.decode().encode("utf-16"), JSON),
    "nan": (b'{"dataframe_records": [{"n0": NaN}]}', JSON),
    "deep": (b"[" * 500 + b"]" * 500, JSON),
    "byte order mark": (b"\xef\xbb\xbf" + GOOD, JSON),
    "two documents": (b"{}{}", JSON),
    "csv of nothing": (b"", CSV),
    "csv of blanks": (b"\n\n\n", CSV),
    "csv of other columns": (b"a,b\n1,2\n", CSV),
    "csv of text": (",".join(NAMES).encode() + b"\n" + b",".join([b"x"] * len(NAMES)), CSV),
    "csv ragged": (b"a,b\n1,2,3,4\n5\n1,2,3\n", CSV),
    "csv not utf-8": (b"a\n\xff\n", CSV),
    "csv not utf-8, with an exponent": (b"a\n\xff,4e492493924924\n", CSV),
    "no parquet": (b"PAR1 no PAR1", PARQUET),
    "empty parquet": (b"", PARQUET),
}
BODIES = [
    *((json.dumps(document).encode(), JSON) for document in documents()),
    *RAW.values(),
]
