"""Rollouts on a real workspace, under load: canaries and shadows that pass, and some that are taken back."""

import json
import threading
import urllib.request
from collections import Counter
from contextlib import contextmanager

import pytest
from databricks.sdk.service.serving import AutoCaptureConfigInput, EndpointCoreConfigInput, ServedEntityInput

from brickyard.errors import ModelError, RolloutRefused, UsageError
from brickyard.models.rollout import DECISION, abort, roll_out
from brickyard.models.served import CANDIDATE, ServedModel
from tests.models.conftest import CATALOG, SCHEMA, rows
from tests.support import wait_for

pytestmark = pytest.mark.timeout(240)
ROLLOUT = (
    "{{steps: [{steps}], shadow: {shadow}, step_minutes: 0, min_requests: 30, max_minutes: {minutes}, max_drift: 0.2}}"
)


def write_policy(lab, endpoint, *, steps="50", shadow="false", minutes=2.0):
    lab.write_project()
    file = lab.root / "brickyard.yml"
    rollout = ROLLOUT.format(steps=steps, shadow=shadow, minutes=minutes)
    file.write_text(f"{file.read_text()}    endpoint: {endpoint}\n    rollout: {rollout}\n")


def serve(lab, version):
    """An endpoint of the lab's own that serves a version; its name."""
    kept = AutoCaptureConfigInput(CATALOG, True, SCHEMA, lab.name)
    entity = ServedEntityInput(entity_name=lab.model, entity_version=version, name="live")
    config = EndpointCoreConfigInput(name=lab.name, served_entities=[entity], auto_capture_config=kept)
    client = lab.dev.client()
    client.serving_endpoints.create(lab.name, config=config)
    wait_for(lambda: client.serving_endpoints.get(lab.name).state.ready.value == "READY", seconds=60)
    return lab.name


@contextmanager
def asked(lab):
    """Requests one after the other; statuses, and which served entities have answered."""
    found, stop = Counter(), threading.Event()
    body = json.dumps({"dataframe_records": rows(20)[["hour", "wind"]].to_dict("records")}).encode()
    headers = {"authorization": f"Bearer {lab.dev.token}", "content-type": "application/json"}
    url = f"{lab.dev.host}/serving-endpoints/{lab.name}/invocations"

    def ask():
        while not stop.wait(0.05):
            with urllib.request.urlopen(urllib.request.Request(url, body, headers)) as reply:
                found[reply.status] += 1
                found[reply.headers["served-model-name"]] += 1

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield found
    finally:
        stop.set()
        thread.join()
    assert set(found) <= {200, "live", CANDIDATE}


def state(lab):
    config = lab.dev.client().serving_endpoints.get(lab.name).config
    return [(one.name, one.entity_version) for one in config.served_entities]


def told(lab):
    events = lab.dev.client().api_client.do("GET", f"/api/2.0/serving-endpoints/{lab.name}/events")["events"]
    texts = (event["message"] for event in events[::-1] if event["type"] == "TAGS_CHANGED")
    return [text.split(", by ")[0] for text in texts if text.startswith("brickyard.rollout=")]


def test_a_version_that_does_well_serves_all_in_the_end(lab):
    lab.train(["hour", "wind"])
    lab.train(["hour", "wind"])
    write_policy(lab, serve(lab, "1"), shadow="true")
    with asked(lab) as found:
        done = roll_out(lab.site("dev"), "2", poll_seconds=0.5)
    assert [(step.name, step.passed) for step in done.steps] == [("shadow", True), ("50 %", True)]
    assert (done.live, done.serves, state(lab)) == ("1", True, [("live", "2")])
    assert found[CANDIDATE] > 0
    decision = json.loads(lab.site("dev").registry.version("2").tags[DECISION])
    assert (decision["decision"], [step["share"] for step in decision["steps"]]) == ("passed", [0, 50])
    assert [text.rpartition(": ")[2] for text in told(lab)[:2]] == ["shadow", "50 %"]
    with pytest.raises(ModelError, match="serves version 2 already"):
        roll_out(lab.site("dev"), "2")


def test_a_version_that_predicts_otherwise_is_taken_back(lab):
    lab.train(["hour", "wind"], alias="champion")
    lab.train(["hour", "wind"], backwards=True)
    write_policy(lab, serve(lab, "@champion"))
    with asked(lab), pytest.raises(RolloutRefused, match=r"prediction drift <= 0\.2, is") as refused:
        roll_out(lab.site("dev"), "2", poll_seconds=0.5)
    assert refused.value.exit_code == 13
    assert state(lab) == [("live", "@champion")]
    assert "was taken back" in told(lab)[-1]
    assert json.loads(lab.site("dev").registry.version("2").tags[DECISION])["decision"] == "refused"
    good = lab.train(["hour", "wind"])
    with asked(lab):
        done = roll_out(lab.site("dev"), good, poll_seconds=0.5)
    assert (done.live, done.serves, state(lab)) == ("1", False, [("live", "@champion")])


def test_one_rollout_at_a_time_and_what_was_left_is_taken_back(lab):
    lab.train(["hour", "wind"])
    lab.train(["hour", "wind"])
    write_policy(lab, serve(lab, "1"), minutes=2.0)
    ended = []

    def other(text):
        """While the first is under way, another begins, and then somebody gives it up."""
        if "50 %" not in text:
            return
        with pytest.raises(
            ModelError, match="version 2 is being tried on the endpoint, or its rollout was killed"
        ) as busy:
            roll_out(lab.site("dev"), "2")
        assert "--abort" in busy.value.next
        assert state(lab) == [("live", "1"), (CANDIDATE, "2")]
        ended.append(abort(lab.site("dev")))

    with pytest.raises(ModelError, match="somebody else has taken version 2 off the endpoint"):
        roll_out(lab.site("dev"), "2", other, poll_seconds=0.1)
    assert (ended, state(lab)) == (["2"], [("live", "1")])
    with pytest.raises(ModelError, match="no version is being tried"):
        abort(lab.site("dev"))
    ServedModel.of(lab.site("dev")).claim("1", "somebody")
    with pytest.raises(ModelError, match="another rollout has begun, or was killed when it did: somebody, 20"):
        roll_out(lab.site("dev"), "2")
    assert abort(lab.site("dev")) is None and ServedModel.of(lab.site("dev")).claims == {}


def test_nobody_asks_or_the_endpoint_keeps_nothing(lab):
    lab.train(["hour", "wind"])
    lab.train(["hour", "wind"])
    write_policy(lab, serve(lab, "1"), minutes=0)

    def cancelled(text):
        if "taken back" not in text:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        roll_out(lab.site("dev"), "2", cancelled)
    assert state(lab) == [("live", "1")]
    assert json.loads(lab.site("dev").registry.version("2").tags[DECISION])["decision"] == "interrupted"
    with pytest.raises(RolloutRefused, match="requests >= 30, is 0"):
        roll_out(lab.site("dev"), "2", poll_seconds=0.1)
    assert state(lab) == [("live", "1")]
    kept = AutoCaptureConfigInput(CATALOG, False, SCHEMA, lab.name)
    entity = ServedEntityInput(entity_name=lab.model, entity_version="1", name="live")
    lab.dev.client().serving_endpoints.update_config_and_wait(
        lab.name, served_entities=[entity], auto_capture_config=kept
    )
    with pytest.raises(UsageError, match="no inference table"):
        roll_out(lab.site("dev"), "2")
    lab.write_project()
    with pytest.raises(UsageError, match="has no rollout"):
        roll_out(lab.site("dev"), "2")
