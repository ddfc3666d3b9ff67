"""A schedule through the SDK, by the real clock."""

from __future__ import annotations

import pytest
from databricks.sdk.errors import InvalidParameterValue
from databricks.sdk.service import jobs

from tests.support import wait_for
from tests.workspace.jobs.job_client import Client

EVERY_SECOND = jobs.CronSchedule(quartz_cron_expression="* * * * * ?", timezone_id="Europe/Amsterdam")


def test_a_schedule_starts_a_run(client: Client) -> None:
    job_id = client.job(client.task("a", "print(1)"), schedule=EVERY_SECOND)
    run = wait_for(lambda: next(client.sdk.jobs.list_runs(job_id=job_id), None))
    settings = client.sdk.jobs.get(job_id).settings
    assert settings and settings.schedule and settings.schedule.pause_status is jobs.PauseStatus.UNPAUSED
    client.sdk.jobs.update(job_id, fields_to_remove=["schedule"])
    ended = client.ended(run.run_id or 0)
    assert (ended.trigger, ended.schedule) == (jobs.TriggerType.PERIODIC, settings.schedule)
    client.sdk.jobs.delete(job_id)


def test_an_expression_of_another_cron_is_refused(client: Client) -> None:
    wrong = jobs.CronSchedule(quartz_cron_expression="0 6 * * *", timezone_id="UTC")
    with pytest.raises(InvalidParameterValue, match=r"Invalid quartz_cron_expression: 0 6 \* \* \*\. Databricks uses"):
        client.job(client.task("a", "print(1)"), schedule=wrong)


def test_what_a_trigger_has_seen(client: Client) -> None:
    update = jobs.TableUpdateTriggerConfiguration(table_names=["main.default.none"])
    arrival = jobs.FileArrivalTriggerConfiguration(url="dbfs:/nowhere/")
    shown = []
    for trigger in (jobs.TriggerSettings(table_update=update), jobs.TriggerSettings(file_arrival=arrival), None):
        job_id = client.job(client.task("a", "print(1)"), trigger=trigger)
        assert client.sdk.jobs.get(job_id).trigger_state is None
        found = client.sdk.api_client.do(
            "GET", "/api/2.2/jobs/get", query={"job_id": job_id, "include_trigger_state": "true"}
        )
        assert isinstance(found, dict)
        shown.append(found.get("trigger_state"))
        client.sdk.jobs.delete(job_id)
    seen = [{"table_name": "main.default.none", "has_seen_updates": False}]
    assert shown == [
        {"table": {"last_seen_table_states": seen, "using_scalable_monitoring": False}},
        {"file_arrival": {"using_file_events": False}},
        None,
    ]
