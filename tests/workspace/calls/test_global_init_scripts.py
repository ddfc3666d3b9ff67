"""Global init scripts, through the SDK."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import InvalidParameterValue, NotFound, PermissionDenied
from databricks.sdk.service.compute import GlobalInitScriptsAPI

from tests.workspace.calls.conftest import Robot

FAMILIES = (GlobalInitScriptsAPI,)
SCRIPT = base64.b64encode(b"echo hello").decode()


def names(w: WorkspaceClient) -> list[str]:
    found = list(w.global_init_scripts.list())
    assert [one.position for one in found] == list(range(len(found)))
    return [one.name or "" for one in found]


def test_every_operation(w: WorkspaceClient, name: Callable[[], str]) -> None:
    a, b, c = name(), name(), name()
    for other in list(w.global_init_scripts.list()):  # left by tests before
        w.global_init_scripts.delete(other.script_id or "")
    made = [w.global_init_scripts.create(one, SCRIPT).script_id or "" for one in (a, b)]
    assert names(w) == [a, b]
    made.append(w.global_init_scripts.create(c, SCRIPT, position=0, enabled=True).script_id or "")
    assert names(w) == [c, a, b]
    found = w.global_init_scripts.get(made[2])
    assert (found.name, found.script, found.enabled, found.position) == (c, SCRIPT, True, 0)
    assert found.created_by == w.current_user.me().user_name and found.created_at
    assert not w.global_init_scripts.get(made[0]).enabled
    longer = base64.b64encode(b"echo more").decode()
    w.global_init_scripts.update(made[2], c, longer, position=99)
    assert names(w) == [a, b, c]
    w.global_init_scripts.update(made[2], c, longer, position=1)
    assert names(w) == [a, c, b]
    found = w.global_init_scripts.get(made[2])
    assert (found.script, found.enabled) == (longer, True)
    assert "script" not in next(iter(w.global_init_scripts.list())).as_dict()
    w.global_init_scripts.delete(made[0])
    assert names(w) == [c, b]
    for one in made[1:]:
        w.global_init_scripts.delete(one)
    with pytest.raises(NotFound):
        w.global_init_scripts.get(made[0])


def test_what_there_cannot_be(w: WorkspaceClient, robot: Robot, name: Callable[[], str]) -> None:
    large = base64.b64encode(b"x" * (64 * 1024 + 1)).decode()
    wrongs: list[tuple[str, dict[str, Any]]] = [
        ("base64", {"script": "no base64"}),
        ("at most 65536 bytes", {"script": large}),
        ("script is required", {"script": ""}),
        ("name is required", {"name": ""}),
        ("position must be", {"position": -1}),
    ]
    for message, wrong in wrongs:
        with pytest.raises(InvalidParameterValue, match=message):
            w.global_init_scripts.create(**{"name": name(), "script": SCRIPT, **wrong})
    with pytest.raises(PermissionDenied):
        robot.client.global_init_scripts.create(name(), SCRIPT)
    with pytest.raises(PermissionDenied):
        list(robot.client.global_init_scripts.list())
