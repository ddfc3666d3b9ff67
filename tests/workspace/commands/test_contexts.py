"""The service's side of contexts, with processes that only say what a test lets them say."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import Mock

import pytest

from brickyard.workspace.api.command_execution import _unpack
from brickyard.workspace.api.errors import BadRequest, MalformedRequest, NotFound
from brickyard.workspace.commands import context as contexts
from brickyard.workspace.commands.service import Commands
from brickyard.workspace.compute.endings import stopped
from brickyard.workspace.compute.tasks import TaskHandle, TaskOutcome, TaskSpec
from tests.support import wait_for

ME: Any = SimpleNamespace(id=1, user_name="me")
OTHER: Any = SimpleNamespace(id=2, user_name="other")


@dataclass
class Attached:
    """A cluster's side."""

    environment: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    search_path: tuple[str, ...] = ()
    resting: bool = False
    released: bool = False
    followed: Path | None = None
    lost: Callable[[str], None] = print

    def remote(self, token: str, user_name: str) -> str:
        return f"sc://cluster/;token={token}"

    def rest(self, resting: bool) -> None:
        self.resting = resting

    def when_lost(self, callback: Callable[[str], None]) -> None:
        self.lost = callback

    def follow(self, output: Path, what: str) -> None:
        self.followed = output

    def release(self) -> None:
        self.released = True


class Lab:
    """Contexts whose processes are played by the test."""

    def __init__(self, root: Path) -> None:
        self.handles: list[TaskHandle] = []
        self.told: list[dict[str, Any]] = []
        self.attached = Attached()
        self.tokens: set[str] = set()
        tokens = SimpleNamespace(revoke_of=lambda comment: None)
        identity = SimpleNamespace(issue_token=self._token, revoke_token=self.tokens.discard, tokens=tokens)
        workspace: Any = SimpleNamespace(root=root, identity=identity, compute=self)
        self.commands = Commands(workspace, lambda cluster, principal: self.attached)

    def _token(self, principal: Any, comment: str) -> str:
        self.tokens.add("t")
        return "t"

    def start_task(self, spec: TaskSpec, heard: Callable[[dict[str, Any]], None]) -> TaskHandle:
        (spec.directory / "results").mkdir(parents=True)
        handle = TaskHandle(spec, lambda handle: handle.finish(stopped(handle)), heard)
        handle.tell = self.told.append
        self.handles.append(handle)
        return handle

    def says(self, message: dict[str, Any]) -> None:
        heard = self.handles[-1].heard
        assert heard is not None
        heard(message)

    def done(self, text: str = "", *, canceled: bool = False) -> None:
        """The process has executed what it was told last."""
        number = self.told[-1]["command"]["id"]
        file = self.handles[-1].spec.directory / "results" / f"{number}.json"
        file.write_text(json.dumps({"resultType": "text", "data": text}))
        self.says({"done": number, "canceled": canceled})


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


def test_commands_are_executed_one_after_the_other(lab: Lab) -> None:
    made = lab.commands.create("c", ME)
    first, second = (lab.commands.execute(made, text, "python") for text in ("1", "2"))
    assert (made.state, first.state, lab.told) == ("Pending", "Queued", [])
    lab.says({"ready": True})
    assert (made.state, first.state, second.state) == ("Running", "Running", "Queued")
    lab.done("one")
    assert (first.state, second.state, made.results(first)) == (
        "Finished",
        "Running",
        {"resultType": "text", "data": "one"},
    )
    assert made.results(second) is None


def test_a_cluster_may_end_while_its_contexts_do_nothing(lab: Lab) -> None:
    made = lab.commands.create("c", ME)
    lab.says({"ready": True})
    assert lab.attached.resting
    lab.commands.execute(made, "1", "python")
    assert not lab.attached.resting
    lab.done()
    assert lab.attached.resting and not lab.attached.released
    lab.attached.lost("Inactive cluster terminated")
    assert made.state == "Error" and made.error is not None and "Inactive cluster" in made.error
    assert lab.attached.released and not lab.tokens
    with pytest.raises(BadRequest, match="has ended; make another one"):
        lab.commands.execute(made, "1", "python")


def test_canceling(lab: Lab) -> None:
    made = lab.commands.create("c", ME)
    lab.says({"ready": True})
    running, waiting = (lab.commands.execute(made, text, "python") for text in ("1", "2"))
    made.cancel(waiting)
    assert (waiting.state, lab.told[-1]["command"]["id"]) == ("Cancelled", running.id)
    told = len(lab.told)
    made.cancel(running)
    made.cancel(running)
    assert (running.state, lab.told[told:]) == ("Cancelling", [{"cancel": running.id}])
    lab.says({"done": running.id, "canceled": True})
    assert running.state == "Cancelled" and made.state == "Running"
    made.cancel(running)
    assert running.state == "Cancelled"


def test_what_does_not_react_to_its_cancellation_is_ended(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contexts, "_CANCEL_SECONDS", 0.01)
    made = lab.commands.create("c", ME)
    lab.says({"ready": True})
    command, waiting = (lab.commands.execute(made, text, "python") for text in ("1", "2"))
    made.cancel(command)
    wait_for(lambda: made.state == "Error")
    assert (command.state, waiting.state) == ("Cancelled", "Error")
    assert "did not react" in (made.error or "")


def test_a_process_that_ends_takes_its_commands_along(lab: Lab) -> None:
    made = lab.commands.create("c", ME)
    lab.says({"ready": True})
    running, waiting = (lab.commands.execute(made, text, "python") for text in ("1", "2"))
    lab.handles[-1].finish(TaskOutcome("FAILED", "The process exited with code 3."))
    assert [running.state, waiting.state] == ["Error", "Error"]
    assert "code 3" in (made.results(running) or {})["cause"]


def test_contexts_belong_to_who_has_made_them(lab: Lab) -> None:
    made = lab.commands.create("c", ME)
    assert lab.commands.get("c", made.id, ME) is made
    for cluster, number, who in (("c", made.id, OTHER), ("d", made.id, ME), ("c", "1", ME)):
        with pytest.raises(NotFound, match="ContextNotFound"):
            lab.commands.get(cluster, number, who)
    lab.commands.destroy(made)
    assert not made._directory.exists() and lab.attached.released
    with pytest.raises(NotFound, match="ContextNotFound"):
        lab.commands.get("c", made.id, ME)


def test_a_cluster_has_145_at_most(lab: Lab) -> None:
    made = [lab.commands.create("c", ME) for _ in range(145)]
    with pytest.raises(BadRequest, match="Too many execution contexts"):
        lab.commands.create("c", ME)
    assert lab.commands.create("d", ME)
    lab.commands.destroy(made[0])
    assert lab.commands.create("c", ME)


def test_what_has_ended_is_not_remembered_for_ever(lab: Lab) -> None:
    made = [lab.commands.create("c", ME) for _ in range(52)]
    for handle in lab.handles:
        handle.finish(TaskOutcome("FAILED", "gone"))
    assert [one.id in lab.commands._contexts for one in made[:3]] == [False, False, True]


def test_what_is_secret_is_not_written(lab: Lab) -> None:
    lab.commands.create("c", ME)
    spec = lab.handles[-1].spec
    assert "token=t" in spec.remote and "token=t" not in json.dumps(spec.as_dict()) + repr(spec)


def test_results_of_a_context_that_was_just_destroyed_are_not_there(lab: Lab) -> None:
    made = lab.commands.create("c", ME)
    lab.says({"ready": True})
    command = lab.commands.execute(made, "1", "python")
    lab.done("one")
    lab.commands.destroy(made)
    with pytest.raises(NotFound, match="ContextNotFound"):
        made.results(command)


def test_half_a_character_is_refused() -> None:
    with BytesIO(b'{"command": "\\ud800"}') as body, pytest.raises(MalformedRequest):
        _unpack(cast(Any, body), "application/json", cast(Any, body))


def test_a_context_that_cannot_start_holds_nothing(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lab, "start_task", Mock(side_effect=OSError("no more processes")))
    with pytest.raises(OSError, match="no more processes"):
        lab.commands.create("c", ME)
    assert lab.attached.released and not lab.tokens and not lab.commands.live("c")
