"""What `docs/coverage.md` says is what a workspace answers, and a 501 names the operation."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from databricks.sdk.errors import NotImplemented as NotImplementedByVendor

from tests.support import LocalWorkspace, WorkspaceHome

ROOT = Path(__file__).parents[2]


def test_the_page_is_what_a_workspace_answers(workspaces: WorkspaceHome, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(ROOT / "scripts"), *sys.path])
    import coverage_page

    started = workspaces.start("coverage")
    wanted = coverage_page.surface()
    assert coverage_page.SURFACE.read_text() == coverage_page.names(wanted), "run `python scripts/coverage_page.py`"
    found = coverage_page.answered(started.host, started.token, wanted)
    assert coverage_page.PAGE.read_text() == coverage_page.page(found), "run `python scripts/coverage_page.py`"


def test_what_is_not_implemented_is_named(workspace: LocalWorkspace) -> None:
    w = workspace.client()
    with pytest.raises(NotImplementedByVendor, match=r"InstanceProfilesAPI\.list "):
        list(w.instance_profiles.list())
    with pytest.raises(NotImplementedByVendor, match=r"PipelinesAPI\.list_pipelines "):
        list(w.pipelines.list_pipelines())
