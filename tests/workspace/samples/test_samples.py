"""The samples: the same rows everywhere, readable by everybody, written once."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest
from databricks.sdk.errors import PermissionDenied
from deltalake import DeltaTable

from brickyard.workspace.samples import flights, taxi
from tests.support import LocalWorkspace, WorkspaceHome


def test_trips_are_the_same_on_every_machine() -> None:
    table = taxi.trips()
    assert [(field.name, str(field.type)) for field in table.schema] == [
        ("tpep_pickup_datetime", "timestamp[us, tz=UTC]"),
        ("tpep_dropoff_datetime", "timestamp[us, tz=UTC]"),
        ("trip_distance", "double"),
        ("fare_amount", "double"),
        ("pickup_zip", "int32"),
        ("dropoff_zip", "int32"),
    ]
    times = {name: table[name].cast("int64") for name in table.column_names[:2]}
    text = json.dumps([column.to_pylist() for column in [*times.values(), *table.columns[2:]]])
    assert hashlib.sha256(text.encode()).hexdigest() == HASH


def test_trips_relate_as_real_ones_do() -> None:
    frame = taxi.trips().to_pandas()
    minutes = (frame.tpep_dropoff_datetime - frame.tpep_pickup_datetime).dt.total_seconds() / 60
    assert np.corrcoef(frame.trip_distance, frame.fare_amount)[0, 1] > 0.9
    assert (frame.fare_amount >= 2.5).all() and minutes.min() > 0
    speed = frame.trip_distance / minutes * 60
    hour = frame.tpep_pickup_datetime.dt.hour
    assert speed[hour == 4].median() > 1.3 * speed[hour == 18].median()
    assert (hour == 18).sum() > 4 * (hour == 4).sum()


def test_flights_are_the_published_ones() -> None:
    planes = flights.read("planes")
    assert planes.num_rows == 3322
    assert planes.filter(planes["tailnum"].to_numpy() == "N10156").to_pylist() == [
        {
            "tailnum": "N10156", "year": 2004, "type": "Fixed wing multi engine", "manufacturer": "EMBRAER",
            "model": "EMB-145XR", "engines": 2, "seats": 55, "speed": None, "engine": "Turbo-fan",
        }
    ]  # fmt: skip


@pytest.fixture(scope="module")
def installed(shared_home: WorkspaceHome, workspace: LocalWorkspace) -> LocalWorkspace:
    done = shared_home.run("workspace", "samples", "install", "shared", "-o", "json")
    assert json.loads(done.stdout)["tables"] == sorted(NAMES, key=lambda name: name.split(".")[1] == "nycflights")
    assert [line for line in done.stderr.splitlines() if line.startswith("writing samples.")]
    return workspace


def test_another_principal_reads_and_does_not_write(installed: LocalWorkspace) -> None:
    client = installed.client()
    robot = client.service_principals.create(display_name="reader")
    other = client.token_management.create_obo_token(robot.application_id or "", lifetime_seconds=600).token_value
    reader = LocalWorkspace("shared", installed.host, other or "", installed.root, installed.home).client()
    table = reader.tables.get("samples.nyctaxi.trips")
    assert [column.type_text for column in table.columns or []] == [
        "timestamp", "timestamp", "double", "double", "int", "int",
    ]  # fmt: skip
    rows = DeltaTable((table.storage_location or "").removeprefix("file://")).to_pyarrow_table()
    assert rows.num_rows == taxi.ROWS
    with pytest.raises(PermissionDenied):
        reader.tables.delete("samples.nyctaxi.trips")


def test_the_trips_are_files_of_dbfs_too(installed: LocalWorkspace) -> None:
    path = "/databricks-datasets/nyctaxi-with-zipcodes/subsampled"
    assert "_delta_log" in {entry.path.rsplit("/", 1)[-1] for entry in installed.client().dbfs.list(path) if entry.path}
    assert DeltaTable(installed.root / "data" / "dbfs" / path.strip("/")).to_pyarrow_table().num_rows == taxi.ROWS


def test_again_nothing_is_written_and_removed_nothing_is_left(
    installed: LocalWorkspace, shared_home: WorkspaceHome
) -> None:
    again = shared_home.run("workspace", "samples", "install", "shared")
    assert again.stderr == "" and again.stdout.split() == json.loads(_listed(shared_home))["tables"]
    shared_home.run("workspace", "samples", "remove", "shared")
    assert json.loads(_listed(shared_home)) == {"tables": []}
    assert "samples" not in {one.name for one in installed.client().catalogs.list()}
    assert not list((installed.root / "data" / "dbfs").rglob("subsampled"))


def _listed(home: WorkspaceHome) -> str:
    return home.run("workspace", "samples", "list", "shared", "-o", "json").stdout


HASH = "12a1649e6eab40f8391575bfd6a16652b27c8ca1f260368c11c14393b47efaa8"
NAMES = ["samples.nyctaxi.trips"] + [
    f"samples.nycflights.{name}" for name in ("airlines", "airports", "flights", "planes", "weather")
]
