"""Notifications of runs and tasks, and health rules: what arrives at real servers."""

from __future__ import annotations

import html
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from brickyard.workspace.api.errors import InvalidParameterValue, NotImplementedByWorkspace
from brickyard.workspace.compute.tasks import TaskOutcome
from brickyard.workspace.notifications import outbox
from brickyard.workspace.notifications.mail import Mailer
from brickyard.workspace.notifications.messages import slack_text, teams_card
from brickyard.workspace.store.notifications import notifications
from tests.support import wait_for
from tests.support.receivers import MailReceiver, WebhookReceiver, mail_receiver, webhook_receiver
from tests.workspace.jobs.lab import BROKEN, Lab, task

EVENTS = ("on_start", "on_success", "on_failure", "on_duration_warning_threshold_exceeded")


@pytest.fixture
def hook() -> Iterator[WebhookReceiver]:
    with webhook_receiver() as receiver:
        yield receiver


@pytest.fixture
def post() -> Iterator[MailReceiver]:
    with mail_receiver() as receiver:
        yield receiver


def destination(lab: Lab, hook: WebhookReceiver, kind: str = "generic_webhook", **more: str) -> str:
    config = {kind: {"url": hook.url} | more}
    return lab.workspace.notifications.destinations.create({"display_name": f"to {kind}", "config": config}).id


def hooks(target: str, *events: str) -> dict[str, Any]:
    return {"webhook_notifications": {event: [{"id": target}] for event in events or EVENTS}}


def waiting(lab: Lab) -> int:
    with lab.workspace.store.read() as connection:
        return len(connection.execute(select(notifications.c.id)).all())


def test_a_webhook_is_told_of_runs_and_tasks_as_the_service_tells_it(lab: Lab, hook: WebhookReceiver) -> None:
    target = destination(lab, hook, username="me", password="pass word")
    lab.compute.behaviours["b"] = lambda _: BROKEN
    run, last = lab.done(task("a", **hooks(target)), task("b"), **hooks(target))
    assert sorted(hook.events(4)) == ["jobs.on_failure", "jobs.on_start", "jobs.on_start", "jobs.on_success"]
    job = {"job_id": str(run.job_id), "name": "lab"}
    whole = {"workspace_id": "77", "job": job}
    own = {"run_id": str(last["a"].run_id), "parent_run_id": str(run.run_id)}
    assert {"event_type": "jobs.on_start", "run": {"run_id": str(run.run_id)}, **whole} in hook.bodies
    assert {"event_type": "jobs.on_failure", "run": {"run_id": str(run.run_id)}, **whole} in hook.bodies
    assert {"event_type": "jobs.on_success", "task": {"task_key": "a"}, "run": own, **whole} in hook.bodies
    assert set(hook.logins) == {"me:pass word"}
    wait_for(lambda: waiting(lab) == 0)


def test_mails(lab: Lab, post: MailReceiver) -> None:
    lab.workspace.notifications.delivery.mailer = Mailer.of({"BRICKYARD_SMTP_URL": post.url})
    addresses = ["a@example.net", "b@example.net"]
    lab.compute.behaviours["a"] = lambda _: BROKEN
    run, _ = lab.done(task("a"), name="two\nlines", email_notifications={"on_failure": addresses})
    assert post.subjects(1) == [f"Job two lines failed (run {run.run_id})"]
    [mail] = post.mails
    assert mail["To"] == "a@example.net, b@example.net"
    assert "Workload failed" in mail.get_content()
    assert f"/jobs/{run.job_id}/runs/{run.run_id}" in mail.get_content()


def test_mails_of_skipped_runs_can_be_left_out(lab: Lab, post: MailReceiver) -> None:
    lab.workspace.notifications.delivery.mailer = Mailer.of({"BRICKYARD_SMTP_URL": post.url})
    lab.compute.behaviours["a"] = lambda _: None
    job = lab.job(task("a"), email_notifications={"on_failure": ["a@example.net"], "no_alert_for_skipped_runs": True})
    run = lab.run(job)
    lab.running("a")
    assert lab.ended(lab.run(job)).state.life_cycle == "SKIPPED"
    lab.compute.finish("a", BROKEN)
    lab.ended(run)
    assert post.subjects(1) == [f"Job lab failed (run {run})"]
    wait_for(lambda: waiting(lab) == 0)
    assert len(post.mails) == 1


def test_mails_without_a_server_are_in_the_log(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    run, _ = lab.done(task("a"), email_notifications={"on_success": ["a@example.net"]})
    wait_for(lambda: "BRICKYARD_SMTP_URL" in caplog.text)
    assert f"(run {run.run_id})" in caplog.text
    assert run.state.result == "SUCCESS"


def test_slack_and_teams(lab: Lab, hook: WebhookReceiver) -> None:
    both = [{"id": destination(lab, hook, kind)} for kind in ("slack", "microsoft_teams")]
    lab.done(task("a"), webhook_notifications={"on_success": both})
    wait_for(lambda: len(hook.bodies) == 2)
    assert {"text"} in [set(body) for body in hook.bodies]
    assert "Job lab succeeded" in next(body["title"] for body in hook.bodies if "title" in body)


def test_retries_and_the_last_attempt(lab: Lab, hook: WebhookReceiver) -> None:
    target = destination(lab, hook)
    outcomes = iter([BROKEN, BROKEN, TaskOutcome("SUCCESS")] * 2)
    lab.compute.behaviours["a"] = lambda _: next(outcomes)
    quiet = {"notification_settings": {"alert_on_last_attempt": True}}
    lab.done(task("a", max_retries=2, **hooks(target)))
    loud = sorted(hook.events(6))
    assert loud == ["jobs.on_failure"] * 2 + ["jobs.on_start"] * 3 + ["jobs.on_success"]
    hook.bodies.clear()
    lab.done(task("a", max_retries=2, **hooks(target), **quiet))
    assert sorted(hook.events(2)) == ["jobs.on_start", "jobs.on_success"]
    wait_for(lambda: waiting(lab) == 0)
    assert len(hook.bodies) == 2


@pytest.mark.parametrize("muted", [False, True])
def test_cancelled_and_skipped_runs(lab: Lab, hook: WebhookReceiver, muted: bool) -> None:
    names = ("no_alert_for_canceled_runs", "no_alert_for_skipped_runs")
    settings = {"notification_settings": dict.fromkeys(names, muted)}
    lab.compute.behaviours["a"] = lambda _: None
    job = lab.job(task("a"), **hooks(destination(lab, hook), "on_failure"), **settings)
    run = lab.run(job)
    lab.running("a")
    assert lab.ended(lab.run(job)).state.life_cycle == "SKIPPED"
    lab.jobs.cancel(run)
    lab.ended(run)
    if not muted:
        assert hook.events(2) == ["jobs.on_failure"] * 2
    wait_for(lambda: waiting(lab) == 0)
    assert len(hook.bodies) == (0 if muted else 2)


def test_slow_runs_and_tasks(lab: Lab, hook: WebhookReceiver) -> None:
    target = destination(lab, hook)
    health = {"health": {"rules": [{"metric": "RUN_DURATION_SECONDS", "op": "GREATER_THAN", "value": 1}]}}
    lab.compute.behaviours = {"a": lambda _: None}
    warned = "on_duration_warning_threshold_exceeded"
    run = lab.run(lab.job(task("a", **hooks(target, warned), **health), **hooks(target, warned), **health))
    assert hook.events(2) == [f"jobs.{warned}"] * 2
    lab.compute.finish("a")
    lab.ended(run)
    hook.bodies.clear()
    lab.compute.behaviours = {}
    lab.done(task("a", **hooks(target, warned), **health), **hooks(target, warned), **health)  # it ends in time
    wait_for(lambda: waiting(lab) == 0)
    assert not hook.bodies


def test_what_cannot_be_delivered_is_tried_again_and_then_said(
    lab: Lab, hook: WebhookReceiver, caplog: pytest.LogCaptureFixture
) -> None:
    target = destination(lab, hook)
    lab.workspace.notifications.delivery.again = (0, 0)
    hook.statuses = [503, 429]
    lab.done(task("a"), **hooks(target, "on_success"))
    assert len(hook.events(3)) == 3
    wait_for(lambda: waiting(lab) == 0)
    hook.statuses = [500] * 3
    run, _ = lab.done(task("a"), **hooks(target, "on_success"))
    wait_for(lambda: "It is not sent" in caplog.text)
    assert "'to generic_webhook' answered 500" in caplog.text
    assert f"(run {run.run_id})" in caplog.text
    assert "secret-path" not in caplog.text
    assert run.state.result == "SUCCESS"


def test_what_was_due_at_the_end_of_the_workspace_comes_after_its_start(lab: Lab, hook: WebhookReceiver) -> None:
    target = destination(lab, hook)
    lab.workspace.notifications.delivery.close()
    lab.done(task("a"), **hooks(target, "on_success"))
    assert waiting(lab) == 1
    lab.die()
    lab.start()
    lab.workspace.notifications.recover()
    assert hook.events(1) == ["jobs.on_success"]
    wait_for(lambda: waiting(lab) == 0)


def test_the_queue_is_bounded(
    lab: Lab, hook: WebhookReceiver, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    lab.workspace.notifications.delivery.close()
    monkeypatch.setattr(outbox, "MOST", 1)
    job = lab.job(task("a"), **hooks(destination(lab, hook), "on_success"))
    runs = [lab.ended(lab.run(job)) for _ in range(2)]
    assert waiting(lab) == 1
    assert f"(run {runs[1].run_id})" in caplog.text
    assert runs[1].state.result == "SUCCESS"


def test_warnings_of_slow_runs_fill_no_queue(lab: Lab, hook: WebhookReceiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "MOST", 2)
    health = {"health": {"rules": [{"metric": "RUN_DURATION_SECONDS", "op": "GREATER_THAN", "value": 9999}]}}
    warned = "on_duration_warning_threshold_exceeded"
    job = lab.job(task("a"), **hooks(destination(lab, hook), "on_success", warned), **health)
    for count in (1, 2, 3):
        lab.ended(lab.run(job))
        assert len(hook.events(count)) == count
    wait_for(lambda: waiting(lab) == 0)


def test_what_would_have_been_told_of_a_slow_task_is_forgotten_with_its_end(lab: Lab, hook: WebhookReceiver) -> None:
    health = {"health": {"rules": [{"metric": "RUN_DURATION_SECONDS", "op": "GREATER_THAN", "value": 9999}]}}
    slow = hooks(destination(lab, hook), "on_duration_warning_threshold_exceeded") | health
    lab.compute.behaviours["b"] = lambda _: None
    run = lab.run(lab.job(task("a", **slow), task("b", **slow), **slow))
    lab.running("b")
    wait_for(lambda: waiting(lab) == 2)  # of the run, and of the task that goes on
    lab.compute.finish("b")
    lab.ended(run)
    assert waiting(lab) == 0


def test_a_locked_database_loses_no_notice(lab: Lab, hook: WebhookReceiver, monkeypatch: pytest.MonkeyPatch) -> None:
    delivery = lab.workspace.notifications.delivery
    monkeypatch.setattr(delivery, "again", (0, 0))
    outcomes = iter([SQLAlchemyError("locked")])
    deliver = delivery._deliver

    def locked(message: Any) -> None:
        for error in outcomes:
            raise error
        deliver(message)

    monkeypatch.setattr(delivery, "_deliver", locked)
    lab.done(task("a"), **hooks(destination(lab, hook), "on_success"))
    assert hook.events(1) == ["jobs.on_success"]


def test_names_are_no_commands_in_slack() -> None:
    told = {"event": "on_start", "job_name": "<!channel> & co", "job_id": 1, "run_id": 2}
    assert slack_text(told, "http://here").startswith("Job &lt;!channel&gt; &amp; co started (run 2).")


def test_names_are_plain_text_in_teams() -> None:
    from markdown_it import MarkdownIt

    name = "[x](http://evil) <b>*now*</b> # `a_b_` & ![i](u) ~~no~~"
    told = {"event": "on_failure", "job_name": name, "task_key": "_a_", "job_id": 1, "run_id": 2, "reason": "# <i>no"}
    card = teams_card(told, "http://here")
    shown = MarkdownIt("commonmark", {"html": True}).enable("strikethrough").render(card["text"])
    words = html.unescape(shown.replace("<p>", "").replace("</p>", ""))
    assert f"Task _a_ of job {name} failed" in words and "# <i>no" in words and "http://here/jobs/1/runs/2" in words
    assert card["summary"].startswith(f"Task _a_ of job {name} failed")


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"webhook_notifications": {"on_start": [{"id": "x"}] * 4}}, "on_start has 4 destinations; at most 3"),
        ({"webhook_notifications": {"on_start": [{"id": "nowhere"}]}}, "nowhere does not exist"),
        ({"email_notifications": {"on_start": ["nobody"]}}, "'nobody' is not a mail address"),
        (
            {"health": {"rules": [{"metric": "RUN_DURATION_SECONDS", "op": "GREATER_THAN", "value": 0}]}},
            "value must be at least 1",
        ),
        (
            {"health": {"rules": [{"metric": "STREAMING_BACKLOG_FILES", "op": "GREATER_THAN", "value": 5}]}},
            "STREAMING_BACKLOG_FILES is not measured",
        ),
    ],
)
def test_refusals(lab: Lab, settings: dict[str, Any], says: str) -> None:
    with pytest.raises((InvalidParameterValue, NotImplementedByWorkspace), match=says):
        lab.job(task("a"), **settings)
    with pytest.raises((InvalidParameterValue, NotImplementedByWorkspace), match=says):
        lab.job(task("a", **settings))


def test_a_job_outlives_its_destination(lab: Lab, hook: WebhookReceiver, caplog: pytest.LogCaptureFixture) -> None:
    target = destination(lab, hook)
    job = lab.job(task("a"), **hooks(target, "on_success"))
    lab.workspace.notifications.destinations.delete(target)
    lab.jobs.update(job, {"description": "still changes"}, [], lab.owner)
    with caplog.at_level(logging.ERROR):
        assert lab.ended(lab.run(job)).state.result == "SUCCESS"
        wait_for(lambda: f"{target} does not exist" in caplog.text)


def test_iterations_tell_of_their_job(lab: Lab, hook: WebhookReceiver) -> None:
    inner = task("each", **hooks(destination(lab, hook), "on_success"))
    run, _ = lab.done({"task_key": "loop", "for_each_task": {"inputs": "[1, 2]", "task": inner}})
    assert hook.events(2) == ["jobs.on_success"] * 2
    for body in hook.bodies:
        assert body["job"] == {"job_id": str(run.job_id), "name": "lab"}
        assert body["task"] == {"task_key": "each"}
        assert body["run"]["parent_run_id"] == str(run.run_id)
