"""A plan as data and as text."""

from __future__ import annotations

import json

import pytest

from brickyard.errors import UsageError
from brickyard.plan.compare import FieldChange
from brickyard.plan.definition import FileChange, Plan, ResourceChange
from brickyard.plan.explain import explain, summary
from brickyard.plan.stages import ChangeResource, DeleteFiles, DeleteResource, RefreshState, UploadFiles, stages_of

CHANGES = (
    FieldChange("tasks[fit].timeout_seconds", 60, 90, "project"),
    FieldChange("tags.by", "hand", None, "drift"),
    FieldChange("settings.api_token", "abc", "def", "project"),
    FieldChange("tags.other", "1", "${resources.jobs.other.id}", "project"),
)
PLAN = Plan(
    bundle="flights",
    target="dev",
    host="http://127.0.0.1:1",
    root_path="/Workspace/x",
    lineage="l",
    serial=3,
    resources=(
        ResourceChange("schemas.s", "skip", "main.s", "it is as it should be", id="main.s", config={"name": "s"}),
        ResourceChange("volumes.v", "skip", "main.s.v", "it is taken over", id="main.s.v", config={}, refresh=True),
        ResourceChange(
            "jobs.j", "update", "train", "the project changed", "7", {"name": "train"}, ("schemas.s",), CHANGES
        ),
        ResourceChange("volumes.old", "delete", "main.s.old", "the project does not declare it", id="main.s.old"),
    ),
    files=(
        FileChange("upload", "/Workspace/x/files/a.py", "/Workspace/x/files/a", "a.py", "0" * 64, 2048),
        FileChange("delete", "/Workspace/x/files/b", "/Workspace/x/files/b"),
    ),
)


def test_a_saved_plan_reads_back_as_it_was() -> None:
    assert Plan.from_json(PLAN.to_json()) == PLAN


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"plan_version": 99}', '{"plan_version": 1, "resources": 5}'])
def test_what_is_not_a_plan_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        Plan.from_json(text)


@pytest.mark.parametrize("edited", [{"address": "foo.bar"}, {"action": "explode"}, {"config": 5}, {"config": None}])
def test_a_plan_that_was_edited_into_what_nothing_can_do_is_refused(edited: dict[str, object]) -> None:
    plan = json.loads(PLAN.to_json())
    plan["resources"][2] |= edited
    with pytest.raises(UsageError, match="the file is not a plan"):
        Plan.from_json(json.dumps(plan))


def test_files_come_before_what_runs_them_and_leave_after_it() -> None:
    kinds = [type(stage) for stage in stages_of(PLAN)]

    assert kinds == [UploadFiles, RefreshState, ChangeResource, DeleteResource, DeleteFiles]


def test_the_text_shows_every_field_and_hides_what_looks_secret() -> None:
    lines = list(explain(PLAN))

    assert lines == [
        "+ upload 1 file (2.0 KiB)",
        "    a.py",
        "  volumes.v: it is taken over; only the state is brought up to date",
        "~ jobs.j: change the job 'train' (the project changed)",
        "    tasks[fit].timeout_seconds: 60 -> 90",
        '    tags.by: "hand" -> (none)  (changed in the workspace)',
        "    settings.api_token: (hidden) -> (hidden)",
        '    tags.other: "1" -> (known after deploy)',
        "- volumes.old: delete the volume 'main.s.old', with what is stored in it (the project does not declare it)",
        "- delete 1 file",
        "    /Workspace/x/files/b",
    ]
    assert summary(PLAN) == "1 to change, 1 to delete, 1 file to upload, 1 file to delete"


def test_a_plan_without_changes_says_so() -> None:
    empty = Plan("b", "t", "h", "r", None, 0, PLAN.resources[:1])

    assert empty.is_empty
    assert summary(empty) == "no changes"
    assert stages_of(empty) == ()
