"""Every family by every way in: over HTTP in all forms beside MLflow's own server, and as a table beside pyfunc."""

from __future__ import annotations

import json
import socket
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings

from brickyard.scoring.batch import score_table
from brickyard.scoring.model import ScoringModel
from tests.scoring.online.parity import ARROW, FORMS, ask_mlflow, meaning, payload
from tests.scoring.online.serving import Running, read_one, request
from tests.scoring.plan import forests, pipelines
from tests.scoring.plan.conftest import FamilyPath, LoadedFamily
from tests.scoring.plan.pipeline_frames import Kind, columns_of, frame_of, kinds
from tests.scoring.plan.soaking import FRAMES, soak
from tests.scoring.warehouse import Warehouse, job

FAMILIES = [*pipelines.FAMILIES, *forests.FORESTS]
# One of each kind of model that has a plan, and each way to prepare columns.
EVERY_KIND = ["labels, sparse", "imputed probabilities", "ordinal", "regression, dense", *forests.FORESTS]
FEW = ["imputed probabilities", "ordinal", "gradient boosting", "LightGBM, binary", "XGBoost, three classes"]


def arrow(frame: pd.DataFrame) -> bytes:
    table, sink = pa.Table.from_pandas(frame, preserve_index=False), pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def ask(client: socket.socket, body: bytes, content_type: str) -> tuple[int, bytes]:
    client.sendall(request(body, content_type))
    status, _, answer = read_one(client)
    return status, answer


def answered(client: socket.socket, model: ScoringModel, frame: pd.DataFrame, turn: int) -> bool:
    """Ask both servers in the form whose turn it is; what MLflow has no form for is compared with parquet."""
    form = [*FORMS, "arrow"][turn % (len(FORMS) + 1)]
    body, content_type = (arrow(frame), ARROW) if form == "arrow" else payload(frame, form)
    ours = ask(client, body, content_type)
    theirs = ask_mlflow(model, *payload(frame, "parquet")) if form == "arrow" else ask_mlflow(model, body, content_type)
    refused = form == "arrow" and ours[0] == theirs[0] == 400  # in words of its own
    same = ours == theirs or refused or meaning(ours) == meaning(theirs)
    assert same, f"{form}: {ours}, not {theirs}: {frame.to_dict('list')}"
    return ours[0] == 200


def compare(model: ScoringModel, kind: Kind, frames: int) -> int:
    """Send frames on one connection; return how many were answered with predictions."""
    columns, parts, _ = columns_of(kind)
    frame, running = frame_of(columns)[list(model.input_names)], Running(model)
    try:
        with running.connect() as client:
            return sum(
                answered(client, model, frame[part].reset_index(drop=True), turn)
                for turn, part in enumerate(parts[:frames])
            )
    finally:
        running.close()


@pytest.mark.parametrize("family", FEW)
@settings(max_examples=1, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(kind=kinds())
def test_frames_over_http_get_the_answers_of_mlflow(family: str, kind: Kind, loaded_family: LoadedFamily) -> None:
    model = loaded_family(family)
    assert model.rung == "plan"
    compare(model, kind, 36)


@pytest.mark.soak
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("family", EVERY_KIND)
@soak
@given(kind=kinds())
def test_ten_thousand_frames_over_http(family: str, kind: Kind, loaded_family: LoadedFamily) -> None:
    assert compare(loaded_family(family), kind, FRAMES) > FRAMES // 8


def rows_that_pyfunc_answers(model: ScoringModel, count: int) -> pd.DataFrame:
    """Usual rows, some of which have missing numbers where the model takes them."""
    frame = pipelines.rows(count, seed=17)[list(model.input_names)].copy()
    gaps = frame.where(np.random.default_rng(3).random(frame.shape) > 0.1, other=np.nan)
    numbers = [name for name in frame if frame[name].dtype == "float64"]
    try:
        model.pyfunc.predict(frame.assign(**gaps[numbers]))
    except Exception:
        return frame.assign(gap=1.0)
    return frame.assign(**gaps[numbers])


def check_table(model: ScoringModel, path: Any, count: int, warehouse: Warehouse) -> None:
    """Score a table, then compare with what pyfunc answers to the whole of it, bit for bit."""
    rows, output = rows_that_pyfunc_answers(model, count), warehouse.unused("out")
    table = warehouse.table(rows.assign(row=range(count)))
    score_table(warehouse.connection, job(warehouse.register(path), table, output, ("row",)))
    got = warehouse.delta(output).to_pandas().sort_values("row")["prediction"]
    expected: Any = np.asarray(model.pyfunc.predict(rows))
    assert json.dumps([plain(value) for value in got]) == json.dumps(expected.tolist())


def plain(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else value


@pytest.mark.parametrize(
    "family", [pytest.param(name, marks=[] if name in FEW[:2] else [pytest.mark.soak]) for name in FAMILIES]
)
def test_a_table_gets_the_predictions_of_pyfunc(
    family: str, loaded_family: LoadedFamily, family_path: FamilyPath, warehouse: Warehouse
) -> None:
    check_table(loaded_family(family), family_path(family), 20_000, warehouse)
