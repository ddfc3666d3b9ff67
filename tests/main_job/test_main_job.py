"""The flights project from raw files to a served model, as a user would check it."""

from __future__ import annotations

import hashlib
import io
import json
import re
import urllib.request
from pathlib import Path

import pytest
from databricks.sdk.service.jobs import NotebookTask, SubmitTask
from databricks.sdk.service.workspace import Language
from deltalake import DeltaTable
from sklearn.metrics import roc_auc_score

from tests.main_job.conftest import Flights
from tests.main_job.contents import standing
from tests.support import wait_for

pytestmark = pytest.mark.timeout(900)


def _table(flights: Flights, environment: str, name: str) -> DeltaTable:
    client = getattr(flights, environment).client()
    return DeltaTable(client.tables.get(f"main.flights.{name}").storage_location)


def _files(root: Path) -> dict[str, str]:
    return {
        str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest() for p in root.rglob("*") if p.is_file()
    }


def _ask(flights: Flights, records: list[dict[str, object]]) -> list[float]:
    request = urllib.request.Request(
        f"{flights.prod.host}/serving-endpoints/flights-delay/invocations",
        data=json.dumps({"dataframe_records": records}).encode(),
        headers={"Authorization": f"Bearer {flights.prod.token}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as response:
        predictions: list[float] = json.load(response)["predictions"]
    return predictions


def _served(flights: Flights) -> str | None:
    endpoint = flights.prod.client().serving_endpoints.get("flights-delay")
    models = endpoint.config.served_models if endpoint.config else None
    ready = endpoint.state is not None and endpoint.state.ready is not None and endpoint.state.ready.value == "READY"
    return models[0].model_version if models and ready else None


def _modified(flights: Flights) -> dict[str | None, int | None]:
    """When each deployed file was written; the directory of the lock is left out."""
    objects = flights.dev.client().workspace.list("/Shared/.bundle/flights", recursive=True)
    return {item.path: item.modified_at for item in objects if item.path and "/state" not in item.path}


def test_every_flight_has_a_row_and_no_outcome_leaks_into_scoring(flights: Flights) -> None:
    assert _table(flights, "dev", "bronze_flights").count() == 336_776
    assert _table(flights, "dev", "silver_flights").count() == 336_776
    names = {field.name for field in _table(flights, "prod", "upcoming").schema().fields}
    assert "flight_id" in names and not {"late", "arr_delay", "dep_delay"} & names


def test_the_challenger_is_clearly_better_on_months_it_has_not_seen(flights: Flights) -> None:
    status = json.loads(flights.run("model", "status", "delay", "-t", "dev", "-o", "json").stdout)[0]
    auc = {version["version"]: version["gate"]["metrics"]["roc_auc"] for version in status["versions"]}
    assert auc["1"] == pytest.approx(0.666, abs=0.01)
    assert auc["2"] == pytest.approx(0.737, abs=0.01)


def test_shuffled_labels_teach_nothing_and_are_refused(flights: Flights) -> None:
    before = flights.production()
    arguments = ("--params", "kind=trees", "--params", "shuffle_labels=true")
    done = flights.run("run", "train", "-t", "dev", *arguments)
    found = re.search(r"ROC AUC (0\.\d+)", done.stdout)
    assert found and abs(float(found.group(1)) - 0.5) < 0.03
    refused = flights.run("model", "promote", "delay", "--to", "dev", check=False)
    assert refused.returncode == 8 and "roc_auc" in refused.stdout + refused.stderr
    assert flights.production() == before


# Columns that are known only when a flight has left; they stay together, so that one tells of another.
SHUFFLED = """# Databricks notebook source
from flights import tables
from flights.columns import FEATURES, LABEL
from flights.model import KINDS
from sklearn.metrics import roc_auc_score

outcome = ["dep_time", "dep_delay", "arr_time", "arr_delay", "air_time"]
bronze = {name: spark.table(f"main.flights.bronze_{name}") for name in ("flights", "weather", "planes")}
flown = bronze["flights"].where("month <= 8 AND arr_delay IS NOT NULL").toPandas()
flown[outcome] = flown[outcome].sample(frac=1, random_state=1).to_numpy()
features = tables.gold(tables.silver(**bronze | {"flights": spark.createDataFrame(flown)}))
training, evaluation = (tables.part(features, name).toPandas() for name in ("training", "evaluation"))
model = KINDS["trees"]().fit(training[FEATURES], training[LABEL])
dbutils.notebook.exit(str(roc_auc_score(evaluation[LABEL], model.predict(None, evaluation[FEATURES]))))
"""


def test_outcomes_that_are_shuffled_before_the_features_are_made_cannot_be_predicted(flights: Flights) -> None:
    client = flights.dev.client()
    path = "/Shared/shuffled-outcomes"
    client.workspace.upload(path, io.BytesIO(SHUFFLED.encode()), language=Language.PYTHON, overwrite=True)
    train = next(job for job in client.jobs.list(expand_tasks=True) if job.settings.name.endswith("flights-train"))
    task = SubmitTask("train", notebook_task=NotebookTask(path), libraries=train.settings.tasks[0].libraries)
    run = client.jobs.submit(run_name="shuffled outcomes", tasks=[task]).result()
    auc = float(client.jobs.get_run_output(run.tasks[0].run_id).notebook_output.result)
    assert auc == pytest.approx(0.5, abs=0.02)


def test_the_months_that_were_scored_are_judged_when_their_outcome_is_known(flights: Flights) -> None:
    done = flights.run("run", "quality", "-t", "prod")
    downloaded = flights.prod.client().files.download("/Volumes/main/flights/reports/quality.json")
    report = json.loads(downloaded.contents.read())
    assert f"ROC AUC {report['roc_auc']:.3f} on {report['flights']:,} flights (model version 2)" in done.stdout
    hours = _table(flights, "prod", "upcoming").to_pyarrow_table(columns=["flight_id", "departure_hour"])
    rows = hours.join(_table(flights, "prod", "outcomes").to_pyarrow_table(), "flight_id", join_type="inner")
    assert report["flights"] == len(rows)
    assert report["roc_auc"] == pytest.approx(0.687, abs=0.01)
    assert report["roc_auc"] > roc_auc_score(rows["late"], rows["departure_hour"]) + 0.05
    assert set(report["roc_auc_by_month"]) == {"9", "10", "11", "12"}


def test_productions_files_are_developments(flights: Flights) -> None:
    version = Path("data/models/main/flights/delay/2")
    assert len(_files(flights.dev.root / version)) > 3
    assert (
        _files(flights.dev.root / version) == _files(flights.uat.root / version) == _files(flights.prod.root / version)
    )


def test_batch_and_endpoint_agree_to_the_last_digit(flights: Flights) -> None:
    wait_for(lambda: _served(flights) == "2", seconds=60)
    scored = _table(flights, "prod", "predictions").to_pyarrow_table()
    scored = scored.take(list(range(0, len(scored), len(scored) // 500))[:500])
    stored = {row["flight_id"]: row["prediction"] for row in scored.to_pylist()}
    assert len(set(stored.values())) > 250
    assert {(row["model_name"], row["model_version"]) for row in scored.to_pylist()} == {("main.flights.delay", "2")}
    rows = _table(flights, "prod", "upcoming").to_pyarrow_table(filters=[("flight_id", "in", list(stored))]).to_pylist()
    keys = [row.pop("flight_id") for row in rows]
    assert len(keys) == 500
    assert _ask(flights, rows) == [stored[key] for key in keys]


def test_scoring_again_changes_nothing(flights: Flights) -> None:
    before = _table(flights, "prod", "predictions")
    flights.run("score", "delay", "-t", "prod")
    after = _table(flights, "prod", "predictions")
    assert after.version() == before.version()
    assert after.count() == _table(flights, "prod", "upcoming").count()


def test_a_second_deploy_changes_nothing(flights: Flights) -> None:
    assert "no changes" in flights.run("plan", "-t", "dev").stdout.lower()
    before = standing(flights.dev) | {"files and their times": _modified(flights)}
    assert len(before["jobs"]) >= 3 and before["files and their times"]
    done = flights.run("deploy", "-t", "dev")
    assert "no changes" in done.stdout.lower()
    assert standing(flights.dev) | {"files and their times": _modified(flights)} == before


@pytest.mark.parametrize("token", [None, "of dev", "dapi" + "0" * 32])
def test_the_endpoint_wants_a_token(flights: Flights, token: str | None) -> None:
    given = flights.dev.token if token == "of dev" else token
    headers = {"Authorization": f"Bearer {given}"} if given else {}
    url = f"{flights.prod.host}/serving-endpoints/flights-delay/invocations"
    request = urllib.request.Request(url, data=b"{}", headers=headers, method="POST")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=30)
    assert refused.value.code == 401


def test_a_rollback_is_served_and_recorded(flights: Flights) -> None:
    flights.run("model", "rollback", "delay", "-t", "prod", "-m", "a test")
    wait_for(lambda: _served(flights) == "1", seconds=60)
    history = flights.run("model", "history", "delay", "-t", "prod").stdout
    assert "a test" in history
    flights.run("model", "rollback", "delay", "-t", "prod", "--to-version", "2")
    wait_for(lambda: _served(flights) == "2", seconds=60)
