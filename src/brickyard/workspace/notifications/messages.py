"""What destinations and mails say: https://docs.databricks.com/jobs/notifications.html ."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from html import escape
from typing import Any

__all__ = ["slack_text", "subject_of", "teams_card", "text_of", "webhook_body"]

_WORDS = {
    "on_start": "started",
    "on_success": "succeeded",
    "on_failure": "failed",
    "on_duration_warning_threshold_exceeded": "takes longer than expected",
    "on_update_success": "was updated",
    "on_update_failure": "could not be updated",
}
_FREE = ("job_name", "task_key", "reason")  # what people write
_RESULTS = {"CANCELED": "was canceled", "TIMEDOUT": "timed out", "MAXIMUM_CONCURRENT_RUNS_REACHED": "was skipped"}


def webhook_body(message: Mapping[str, Any], workspace_id: int) -> dict[str, Any]:
    """The JSON that a webhook is sent."""
    run = {"run_id": str(message["run_id"])}
    body: dict[str, Any] = {"event_type": f"jobs.{message['event']}", "workspace_id": str(workspace_id)}
    if message.get("task_key"):
        body["task"] = {"task_key": message["task_key"]}
        run["parent_run_id"] = str(message["parent_run_id"])
    return body | {"run": run, "job": {"job_id": str(message["job_id"]), "name": message["job_name"]}}


def subject_of(message: Mapping[str, Any]) -> str:
    """One line for people."""
    if "endpoint" in message:
        return f"Serving endpoint {message['endpoint']} {_WORDS[message['event']]}"
    what = f"Task {message['task_key']} of job" if message.get("task_key") else "Job"
    words = _RESULTS.get(message.get("result") or "", _WORDS[message["event"]])
    return f"{what} {message['job_name']} {words} (run {message['run_id']})"


def text_of(message: Mapping[str, Any], url: str) -> str:
    """What a mail or a message to people says."""
    of_endpoint = "endpoint" in message
    path = (
        f"ml/endpoints/{message['endpoint']}" if of_endpoint else f"jobs/{message['job_id']}/runs/{message['run_id']}"
    )
    page = f"{url}/{path}"
    times = [("Started", message.get("started_at")), ("Ended", message.get("ended_at"))]
    lines = [f"{name}: {_time(at)}" for name, at in times if at]
    if message.get("limit"):
        lines.append(f"Expected to take at most: {message['limit']} seconds")
    if message.get("reason"):
        lines.append(f"\n{message['reason']}")
    return "\n".join([f"{subject_of(message)}.", "", *lines, "", page, ""])


def slack_text(message: Mapping[str, Any], url: str) -> str:
    """What Slack shows, where names cannot be commands as `<!channel>`."""
    return escape(text_of(message, url), quote=False)


def teams_card(message: Mapping[str, Any], url: str) -> dict[str, Any]:
    """The card that a webhook of Microsoft Teams shows, with Markdown and HTML in its text, and there only.

    Source: https://learn.microsoft.com/microsoftteams/platform/task-modules-and-cards/cards/cards-format .
    """
    subject = subject_of(message)
    plain = {name: _without_format(message[name]) for name in _FREE if message.get(name)}
    text = text_of({**message, **plain}, url).replace("\n", "\n\n")
    kind = {"@type": "MessageCard", "@context": "http://schema.org/extensions"}
    return {**kind, "summary": subject, "title": subject, "text": text}


def _without_format(text: str) -> str:
    """What Markdown with HTML shows as this text."""
    return escape(re.sub(r"([\\`*_{}\[\]#|~!])", r"\\\1", text), quote=False)


def _time(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
