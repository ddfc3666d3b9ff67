"""Three sides of a comparison: the project, what was applied, and what the workspace has."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from brickyard.plan.compare import FieldChange, compare, flatten

VALUES = st.one_of(st.integers(0, 3), st.sampled_from(["x", "y"]))
CONFIGS = st.dictionaries(st.sampled_from("abcd"), VALUES, max_size=4)


@given(CONFIGS, CONFIGS)
def test_what_was_applied_and_not_touched_needs_no_change(config: dict, defaults: dict) -> None:
    remote = {**defaults, **config}

    assert compare(config, config, remote, remote) == ()


@given(CONFIGS, CONFIGS, CONFIGS)
def test_applying_the_changes_gives_what_the_project_says(local: dict, applied: dict, defaults: dict) -> None:
    remote = {**defaults, **applied}
    changed = dict(remote)
    for change in compare(local, applied, remote, remote):
        changed.pop(change.path) if change.after is None else changed.update({change.path: change.after})

    assert {name: changed[name] for name in local} == local


def test_a_change_of_the_project_is_told_from_drift() -> None:
    changes = compare(
        {"name": "new", "comment": "ours"},
        {"name": "old", "comment": "ours"},
        {"name": "old", "comment": "ours", "limit": 1},
        {"name": "old", "comment": "theirs", "limit": 2},
    )

    assert changes == (
        FieldChange("comment", "theirs", "ours", "drift"),
        FieldChange("limit", 2, 1, "drift"),
        FieldChange("name", "old", "new", "project"),
    )


def test_what_the_workspace_has_already_needs_no_change() -> None:
    assert compare({"name": "new"}, {"name": "old"}, {"name": "old"}, {"name": "new"}) == ()


def test_a_field_that_left_the_project_is_taken_away() -> None:
    changes = compare({}, {"comment": "x"}, {"comment": "x"}, {"comment": "x"})

    assert changes == (FieldChange("comment", "x", None, "project"),)


def test_without_a_last_state_only_what_the_project_says_counts() -> None:
    assert compare({"a": 1}, None, {}, {"a": 1, "default": 5}) == ()
    assert compare({"a": 1}, None, {}, {"a": 2}) == (FieldChange("a", 2, 1, "project"),)


def test_a_value_that_moves_by_itself_is_no_drift_and_a_change_of_the_project_is() -> None:
    remote, moved = {"entity_version": "1"}, {"entity_version": "2"}
    champion, other = {"entity_version": "champion"}, {"entity_version": "other"}

    assert compare(champion, champion, remote, moved, ("entity_version",)) == ()
    assert compare(other, champion, remote, moved, ("entity_version",)) == (
        FieldChange("entity_version", "2", "other", "project"),
    )


def test_members_of_lists_are_known_by_their_key_whatever_their_order() -> None:
    one, two = {"task_key": "a", "retries": 1}, {"task_key": "b", "retries": 2}

    assert flatten({"tasks": [one, two]}) == flatten({"tasks": [two, one]})
    assert flatten({"tasks": [one]}) == {"tasks[a].task_key": "a", "tasks[a].retries": 1}
    assert flatten({"list": [1, 2]}) == {"list": [1, 2]}
