"""Every level of every type of object, granted in every way, against everything there is to do with the object."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.workspace.permissions.actions import Action, Kind, Thing, allowed
from tests.workspace.permissions.objects import KINDS
from tests.workspace.permissions.people import Lab, Robot

DIRECTLY, BY_GROUP, INHERITED = "directly", "by a group", "from the container"
WAYS = (DIRECTLY, BY_GROUP, "by a nested group")


def _cells() -> list[tuple[str, str, str | None]]:
    """Type, way and level; of a job's owner there are no groups."""
    cells: list[tuple[str, str, str | None]] = []
    for name, kind in KINDS.items():
        cells.append((name, DIRECTLY, None))
        cells += [(name, way, level) for way in WAYS for level in kind.levels if level != "IS_OWNER" or way == DIRECTLY]
        cells += [(name, INHERITED, level) for level in kind.container]
    return cells


def _cell(name: str, way: str, level: str | None) -> Any:
    """A test; of a group, the highest level: a nested group is one, too, and shows what each level allows."""
    highest = [one for one in KINDS[name].levels if one != "IS_OWNER"][-1]
    marks = [pytest.mark.soak] if way == BY_GROUP and level != highest else []
    return pytest.param(name, way, level, id=f"{name} {way} {level or 'nothing'}", marks=marks)


def _expected(kind: Kind, action: Action, way: str, level: str | None) -> bool:
    levels = kind.container if way == INHERITED else kind.levels
    needed = action.container if way == INHERITED and action.container else action.level
    return level is not None and needed is not None and levels.index(level) >= levels.index(needed)


@pytest.mark.parametrize(("name", "way", "level"), [_cell(*cell) for cell in _cells()])
def test_a_level_allows_what_it_says_and_no_more(
    lab: Lab, robot: Robot, name: str, way: str, level: str | None
) -> None:
    kind = KINDS[name]
    thing: Thing | None = None
    wrong, where, who = [], (name, "tokens"), robot.ways[DIRECTLY if way == INHERITED else way]
    for what, action in kind.actions.items():
        if thing is None or action.spends:
            thing = kind.make(lab, robot)
            where = thing.container if way == INHERITED and thing.container else (name, thing.id)
            lab.grant(*where, level, who)
        found, expected = allowed(action, robot.client, thing), _expected(kind, action, way, level)
        if found != expected:
            wrong.append(f"{what}: {'allowed' if found else 'refused'}")
        if action.spends:
            thing = None
    if where[1] == "root":  # these two are there for all tests
        lab.grant(*where, None, {})
    elif where[1] == "tokens":
        lab.grant(*where, "CAN_USE", {"group_name": "users"})
    assert not wrong, f"{name}, {level} {way}: {wrong}"


@pytest.mark.parametrize("name", KINDS)
def test_an_administrator_may_do_everything(lab: Lab, robot: Robot, name: str) -> None:
    kind = KINDS[name]
    for what, action in kind.actions.items():
        assert allowed(action, lab.w, kind.make(lab, robot)), what


def test_the_table_has_every_type_of_object_and_every_level(lab: Lab, robot: Robot) -> None:
    """A type that is not in the table is not tested: the workspace itself says which there are."""
    headers = {"Authorization": f"Bearer {lab.workspace.token}"}
    answer = httpx.get(f"{lab.workspace.host}/api/2.0/permissions/no-such-type/1", headers=headers)
    assert answer.status_code == 400
    known = answer.json()["message"].rpartition("known are ")[2].split(", ")
    assert sorted(known) == sorted(KINDS)
    for name, kind in KINDS.items():
        levels = lab.w.permissions.get_permission_levels(name, kind.make(lab, robot).id).permission_levels or []
        assert tuple(one.permission_level.value for one in levels if one.permission_level) == kind.levels, name
        assert all(one.description for one in levels)
