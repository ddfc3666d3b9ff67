"""People are told by mail how updates of an endpoint end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import select

from brickyard.workspace.api.errors import InvalidParameterValue
from brickyard.workspace.notifications.messages import subject_of, text_of
from brickyard.workspace.store.notifications import notifications
from tests.support import wait_for
from tests.workspace.serving.conftest import ME, MODEL, Bench

GOOD, BAD = "good@example.net", "bad@example.net"
MAILS = {"on_update_success": [GOOD], "on_update_failure": [BAD]}


def told(bench: Bench) -> list[tuple[list[str], str]]:
    with bench.store.read() as connection:
        rows = connection.execute(select(notifications.c.message).order_by(notifications.c.id))
        messages = [json.loads(row.message) for row in rows]
    return [(message["to"]["addresses"], subject_of(message)) for message in messages]


def test_updates_are_told_once(bench: Bench, two_models: tuple[Path, Path], broken_model: Path) -> None:
    bench.register(1, two_models[0], "champion")
    bench.create("delay", "champion", email_notifications=MAILS)
    made = ([GOOD], "Serving endpoint delay was updated")
    wait_for(lambda: told(bench) == [made], seconds=60)
    assert bench.woken.is_set()
    bench.restart()
    bench.wait_ready("delay", 1)  # as before, so nothing is told
    bench.register(2, broken_model)
    broken = {"served_entities": [{"entity_name": MODEL, "entity_version": "2"}]}
    bench.serving.update_config("delay", broken, ME)
    wait_for(lambda: told(bench) == [made, ([BAD], "Serving endpoint delay could not be updated")], seconds=60)
    bench.restart()
    bench.wait_ready("delay", 1)  # as before the update that failed
    bench.register(3, two_models[1], "champion")  # which it still follows, after the update that failed
    wait_for(lambda: told(bench)[2:] == [made], seconds=60)
    bench.serving.update_notifications("delay", {}, ME)
    assert bench.serving.get("delay").email_notifications.as_dict() == MAILS
    bench.serving.update_notifications("delay", {"email_notifications": {}}, ME)
    assert bench.serving.get("delay").email_notifications is None
    bench.serving.update_config("delay", broken, ME)
    wait_for(lambda: bench.serving.get("delay").state.config_update.value == "UPDATE_FAILED", seconds=60)
    assert len(told(bench)) == 3


def test_a_mail_says_why_and_where() -> None:
    message = {"event": "on_update_failure", "endpoint": "delay", "reason": "it could not be loaded"}
    text = text_of(message, "http://127.0.0.1:1")
    assert "it could not be loaded" in text and "http://127.0.0.1:1/ml/endpoints/delay" in text


@pytest.mark.parametrize(
    "given",
    [
        {"on_update_success": ["nobody"]},
        {"on_update_failure": "a@b.c"},
        ["a@b.c"],
        *(
            {"on_update_failure": [GOOD, other]}
            for other in ('a"b@c', "a:b@c", "(a)@b", "a@[", ".@c", "a@b@c", "é@x.de")
        ),
    ],
)
def test_what_is_no_address_is_refused(bench: Bench, given: object) -> None:
    with pytest.raises(InvalidParameterValue, match="email_notifications"):
        bench.create("delay", "1", email_notifications=given)
