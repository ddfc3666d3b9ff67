"""Schedules and intervals: when their runs start, and when not."""

from __future__ import annotations

from typing import Any
from unittest.mock import Mock

import pytest

from brickyard.workspace.api.errors import InvalidParameterValue, NotImplementedByWorkspace
from brickyard.workspace.clock import now
from brickyard.workspace.jobs.run_store import RunFilter
from tests.workspace.jobs.lab import Lab, task
from tests.workspace.jobs.triggers.conftest import Hands


def daily(**more: Any) -> dict[str, Any]:
    return {"quartz_cron_expression": "0 0 6 * * ?", "timezone_id": "Europe/Amsterdam"} | more


def test_a_schedule_starts_runs_at_its_times(lab: Lab, hands: Hands) -> None:
    reading = {
        "notebook_path": "/n",
        "base_parameters": {"at": "{{job.trigger.time.iso_datetime}} {{job.trigger.type}}"},
    }
    job_id = lab.job({"task_key": "a", "notebook_task": reading}, schedule=daily())
    assert hands.at("2031-05-05T03:59:59") == []
    [run] = hands.at("2031-05-05T04:00:02")
    assert (run.job_id, run.trigger, run.creator) == (job_id, "PERIODIC", lab.owner.user_name)
    lab.ended(run.run_id)
    assert lab.compute.given() == [{"at": "2031-05-05T04:00:00.000 periodic"}]
    assert len(hands.at("2031-05-05T23:00:00")) == 1
    assert len(hands.at("2031-05-06T04:00:00")) == 2


def test_runs_of_a_schedule_are_ten_seconds_apart(lab: Lab, hands: Hands) -> None:
    lab.job(task("a"), schedule=daily(quartz_cron_expression="* * * * * ?"), max_concurrent_runs=100)
    counts = [len(hands.later(1)) for _ in range(25)]
    assert [counts[0], counts[9], counts[10], counts[20], counts[24]] == [1, 1, 2, 3, 3]


def test_pausing_updating_and_deleting_count_at_once(lab: Lab, hands: Hands) -> None:
    job_id = lab.job(task("a"), schedule=daily())
    lab.jobs.update(job_id, {"schedule": daily(pause_status="PAUSED")}, [], lab.owner)
    assert hands.at("2031-05-05T04:00:01") == []
    lab.jobs.update(job_id, {"schedule": daily(pause_status="UNPAUSED")}, [], lab.owner)
    assert hands.at("2031-05-05T05:00:00") == []  # what passed while it was paused is not made up for
    lab.jobs.update(job_id, {"schedule": daily(quartz_cron_expression="0 0 8 * * ?")}, [], lab.owner)
    assert len(hands.at("2031-05-05T06:00:00")) == 1
    lab.jobs.update(job_id, {}, ["schedule"], lab.owner)
    assert len(hands.at("2031-05-06T06:00:00")) == 1
    lab.jobs.reset(job_id, {"name": "n", "tasks": [task("a")], "schedule": daily()}, lab.owner)
    lab.jobs.delete(job_id)
    assert lab.jobs.triggers.due(job_id) is None
    hands.at("2031-05-08T06:00:00")
    assert len(lab.jobs.runs(RunFilter(job_id=job_id), 9)) == 1


def test_times_that_passed_while_the_workspace_was_off_are_not_made_up_for(lab: Lab, hands: Hands) -> None:
    lab.job(task("a"), schedule=daily())
    hourly = lab.job(task("a"), trigger={"periodic": {"interval": 1, "unit": "HOURS"}})
    lab.die()
    lab.start()
    hands.set("2031-05-05T10:30:00")
    hands.take()
    lab.jobs.recover()
    assert hands.tick() == []
    assert [run.job_id for run in hands.at("2031-05-05T11:00:00")] == [hourly]
    assert len(hands.at("2031-05-06T04:00:00")) == 3


def test_an_interval_counts_from_when_it_was_set(lab: Lab, hands: Hands) -> None:
    job_id = lab.job(task("a"), trigger={"periodic": {"interval": 90, "unit": "MINUTES"}})
    assert hands.at("2031-05-05T01:29:59") == []
    [run] = hands.at("2031-05-05T01:30:00")
    assert run.trigger == "PERIODIC"
    lab.ended(run.run_id)
    lab.jobs.update(job_id, {"name": "other"}, [], lab.owner)  # which does not begin it anew
    assert len(hands.at("2031-05-05T02:59:59")) == 1
    assert len(hands.at("2031-05-05T03:10:00")) == 2  # a late look does not move what follows
    assert len(hands.at("2031-05-05T04:29:59")) == 2
    assert len(hands.at("2031-05-05T04:30:00")) == 3


def test_the_limit_and_the_queue_of_the_job_apply(lab: Lab, hands: Hands) -> None:
    lab.compute.behaviours["a"] = lambda _: None
    hands.now = now()
    job_id = lab.job(task("a"), trigger={"periodic": {"interval": 1, "unit": "HOURS"}})
    states = [[run.state.life_cycle for run in hands.later(3600)][-1] for _ in range(2)]
    lab.jobs.update(job_id, {"queue": {"enabled": True}}, [], lab.owner)
    states += [hands.later(3600)[-1].state.life_cycle]
    assert states[1:] == ["SKIPPED", "QUEUED"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"schedule": daily(quartz_cron_expression="0 6 * * *")}, "Invalid quartz_cron_expression: 0 6 .* Quartz cron"),
        ({"schedule": daily(timezone_id="Mars/Base")}, "Invalid timezone_id: Mars/Base"),
        ({"schedule": daily(), "continuous": {}}, "only one of schedule, trigger, continuous"),
        ({"trigger": {}}, "must have one of"),
        ({"trigger": {"periodic": {"interval": 0, "unit": "DAYS"}}}, "at least 1"),
        ({"trigger": {"file_arrival": {"url": "/V", "wait_after_last_change_seconds": 5}}}, "at least 60 seconds"),
        ({"trigger": {"table_update": {"table_names": ["t"]}}}, "catalog.schema.table"),
        ({"trigger": {"table_update": {"table_names": []}}}, "1 to 10 tables"),
        ({"continuous": {}, "max_concurrent_runs": 2}, "one run at a time"),
    ],
)
def test_what_cannot_start_runs_is_refused(lab: Lab, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidParameterValue, match=message):
        lab.job(task("a"), **settings)


def test_what_is_not_there_is_refused_by_name(lab: Lab) -> None:
    with pytest.raises(NotImplementedByWorkspace, match="task_retry_mode ON_FAILURE"):
        lab.job(task("a"), continuous={"task_retry_mode": "ON_FAILURE"})


def test_an_error_does_not_end_the_watch(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    triggers = lab.jobs.triggers
    looks: list[int] = []

    def tick() -> None:
        looks.append(1)
        if len(looks) == 1:
            raise RuntimeError("the database is locked")
        triggers._closing = True

    triggers.close()
    monkeypatch.setattr(triggers, "tick", tick)
    monkeypatch.setattr(triggers, "_closing", False)
    monkeypatch.setattr(triggers, "_woken", Mock())
    triggers._run()
    assert len(looks) == 2
