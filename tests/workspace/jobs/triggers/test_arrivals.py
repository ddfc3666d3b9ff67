"""Runs that start when files arrive, and when tables change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from brickyard.workspace.jobs import scheduler
from tests.support import wait_for
from tests.workspace.jobs.lab import Lab, task
from tests.workspace.jobs.test_owner import user
from tests.workspace.jobs.triggers.conftest import Hands


@pytest.fixture
def volume(lab: Lab) -> Path:
    lab.workspace.catalog.create_volume("main.default.landing", lab.owner.user_name)
    return lab.workspace.data / "volumes" / "main" / "default" / "landing"


def arrivals(url: str = "/Volumes/main/default/landing/", **more: int) -> dict[str, Any]:
    return {"trigger": {"file_arrival": {"url": url, **more}}, "max_concurrent_runs": 9}


def test_new_files_start_a_run_once(lab: Lab, hands: Hands, volume: Path) -> None:
    (volume / "old.csv").write_text("1")
    where = {"notebook_path": "/n", "base_parameters": {"at": "{{job.trigger.file_arrival.location}}"}}
    lab.job({"task_key": "a", "notebook_task": where}, **arrivals())
    assert hands.later(5) == []
    (volume / "old.csv").write_text("written again")
    assert hands.later(5) == []
    (volume / "below").mkdir()
    (volume / "below" / "new.csv").write_text("1")
    [run] = hands.later(5)
    assert run.trigger == "FILE_ARRIVAL"
    lab.ended(run.run_id)
    assert lab.compute.given() == [{"at": "/Volumes/main/default/landing/"}]
    assert len(hands.later(60)) == 1


def test_waits_for_the_last_file_and_between_runs(lab: Lab, hands: Hands, volume: Path) -> None:
    lab.job(task("a"), **arrivals(wait_after_last_change_seconds=60, min_time_between_triggers_seconds=300))
    (volume / "1").write_text("1")
    assert hands.later(5) == []
    assert hands.later(50) == []
    (volume / "1").write_text("1, and more")
    assert hands.later(5) == []
    assert hands.later(55) == []
    assert len(hands.later(5)) == 1
    (volume / "2").write_text("2")
    assert len(hands.later(5)) == 1
    assert len(hands.later(290)) == 1
    assert len(hands.later(5)) == 2


def test_files_that_came_while_the_workspace_was_off_are_new(lab: Lab, hands: Hands, volume: Path) -> None:
    lab.job(task("a"), **arrivals())
    (volume / "1").write_text("1")
    first = hands.later(5)
    lab.die()
    (volume / "2").write_text("2")
    lab.start()
    hands.take()
    lab.jobs.recover()
    assert len(first) == 1
    assert len(hands.later(5)) == 2
    assert len(hands.later(60)) == 2
    lab.die()
    lab.start()
    hands.take()
    lab.jobs.recover()
    assert len(hands.later(60)) == 2, "what a run was started for is remembered"


def test_places_outside_of_volumes(lab: Lab, hands: Hands, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside")
    storage = lab.workspace.catalog.storage
    storage.create_credential(
        "machine", lab.owner.user_name, identity=None, read_only=False, isolation_mode="ISOLATION_MODE_OPEN"
    )
    values: dict[str, Any] = {"read_only": False, "fallback": False, "isolation_mode": "ISOLATION_MODE_OPEN"}
    storage.create_location("outside", lab.owner.user_name, outside.as_uri(), "machine", **values)
    lab.job(task("a"), **arrivals(f"{outside.as_uri()}/"))
    lab.job(task("a"), **arrivals("dbfs:/drop"))
    lab.job(task("a"), **arrivals("s3://bucket/x"))  # which it says in the log that it cannot watch
    (outside / "1").write_text("1")
    assert len(hands.later(5)) == 1
    drop = lab.workspace.data / "dbfs" / "drop"
    drop.mkdir(parents=True)
    (drop / "1").write_text("1")
    assert len(hands.later(5)) == 2


def rows(lab: Lab, name: str, mode: Any = "append") -> None:
    place = lab.workspace.data / "outside" / name
    write_deltalake(str(place), pa.table({"x": [1]}), mode=mode)
    full = f"main.default.{name}"
    if not lab.workspace.catalog.has_table(full):
        lab.workspace.catalog.create_table(full, lab.owner.user_name, table_type="EXTERNAL", location=place)


def updates(*names: str, **more: Any) -> dict[str, Any]:
    tables = [f"main.default.{name}" for name in names]
    return {"trigger": {"table_update": {"table_names": tables, **more}}, "max_concurrent_runs": 9}


def test_new_versions_of_tables_start_a_run(lab: Lab, hands: Hands) -> None:
    rows(lab, "orders")
    rows(lab, "customers")
    values = {
        "names": "{{job.trigger.table_update.updated_tables}}",
        "version": "{{job.trigger.table_update.main.default.orders.version}}",
        "type": "{{job.trigger.type}}",
        "year": "{{job.trigger.table_update.main.default.orders.commit_timestamp.year}}",
    }
    any_of = {"task_key": "a", "notebook_task": {"notebook_path": "/n", "base_parameters": values}}
    job_id = lab.job(any_of, **updates("orders", "customers"))
    every = lab.job(task("b"), **updates("orders", "customers", condition="ALL_UPDATED"))
    assert hands.later(5) == []
    rows(lab, "orders")
    [run] = hands.later(5)
    assert (run.job_id, run.trigger) == (job_id, "TABLE")
    lab.ended(run.run_id)
    [given] = lab.compute.given()
    assert given | {"year": ""} == {
        "names": '["main.default.orders"]',
        "version": "1",
        "type": "table_update",
        "year": "",
    }
    assert int(given["year"]) > 2000
    rows(lab, "customers")
    assert sorted(run.job_id for run in hands.later(5)) == [job_id, job_id, every]
    assert len(hands.later(60)) == 3
    by_hand = lab.ended(lab.run(job_id))
    assert by_hand.state.result == "SUCCESS"
    assert lab.compute.given()[-1]["version"] == ""


@pytest.mark.parametrize("queue", [None, {"enabled": True}])
def test_files_whose_run_is_refused_start_the_next_one(
    lab: Lab, hands: Hands, volume: Path, queue: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduler, "_LONGEST_QUEUE", 0)
    lab.compute.behaviours["a"] = lambda _: None
    lab.job(task("a"), **arrivals() | {"max_concurrent_runs": 1}, **({"queue": queue} if queue else {}))
    (volume / "1").write_text("1")
    [first] = hands.later(5)
    lab.running("a")
    (volume / "2").write_text("2")
    assert [run.state.life_cycle for run in hands.later(5)] == ["RUNNING", "SKIPPED"]
    assert len(hands.later(600)) == 2
    lab.die()
    lab.start()
    hands.take()
    lab.jobs.recover()
    lab.ended(first.run_id)

    def started() -> list[str]:  # the trigger may have looked before the first run had ended, and was refused again
        return [run.trigger for run in hands.later(5) if run.state.life_cycle != "SKIPPED"]

    assert wait_for(lambda: len(found := started()) > 1 and found) == ["FILE_ARRIVAL"] * 2
    assert len(started()) == 2


def test_files_of_a_run_that_is_refused_start_one_at_the_end_of_the_other(lab: Lab, hands: Hands, volume: Path) -> None:
    lab.compute.behaviours["a"] = lambda _: None
    lab.job(task("a"), **arrivals() | {"max_concurrent_runs": 1})
    (volume / "1").write_text("1")
    hands.later(5)
    lab.running("a")
    (volume / "2").write_text("2")
    assert [run.state.life_cycle for run in hands.later(5)] == ["RUNNING", "SKIPPED"]
    lab.compute.finish("a")
    wait_for(lambda: [run.state.life_cycle for run in hands.later(5)] == ["TERMINATED", "SKIPPED", "RUNNING"])


def test_files_are_looked_for_with_the_rights_of_who_the_job_runs_as(lab: Lab, hands: Hands, volume: Path) -> None:
    ann = user(lab, "ann@example.org")
    job_id = lab.job(task("a"), run_as={"user_name": ann.user_name}, **arrivals())
    (volume / "1").write_text("1")
    assert hands.later(5) == []
    lab.jobs.update(job_id, {"run_as": {"user_name": lab.owner.user_name}}, [], lab.owner)
    assert [run.run_as for run in hands.later(5)] == [lab.owner.user_name]


def test_a_trigger_that_cannot_start_a_run_does_so_later(lab: Lab, hands: Hands, volume: Path) -> None:
    job_id = lab.job(**arrivals())
    (volume / "1").write_text("1")
    assert hands.later(5) == []
    lab.jobs.update(job_id, {"tasks": [task("a")]}, [], lab.owner)
    assert len(hands.later(60)) == 1
    assert len(hands.later(60)) == 1
