"""The flights project from raw files to a served model, as a user would check it."""

from __future__ import annotations

import hashlib
import json
import re
import urllib.request
from pathlib import Path

import pytest
from deltalake import DeltaTable

from tests.main_job.conftest import Flights
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


def test_productions_files_are_developments(flights: Flights) -> None:
    version = Path("data/models/main/flights/delay/2")
    assert len(_files(flights.dev.root / version)) > 3
    assert (
        _files(flights.dev.root / version) == _files(flights.uat.root / version) == _files(flights.prod.root / version)
    )


def test_batch_and_endpoint_agree_to_the_last_digit(flights: Flights) -> None:
    wait_for(lambda: _served(flights) == "2", seconds=60)
    scored = _table(flights, "prod", "predictions").to_pyarrow_table(columns=["flight_id", "prediction"]).slice(0, 500)
    stored = {row["flight_id"]: row["prediction"] for row in scored.to_pylist()}
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
    before = flights.dev.client().jobs.list()
    names = sorted((job.job_id, job.settings.name) for job in before if job.settings)
    flights.run("deploy", "-t", "dev")
    after = sorted((job.job_id, job.settings.name) for job in flights.dev.client().jobs.list() if job.settings)
    assert after == names


def test_the_endpoint_wants_a_token(flights: Flights) -> None:
    request = urllib.request.Request(
        f"{flights.prod.host}/serving-endpoints/flights-delay/invocations", data=b"{}", method="POST"
    )
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
