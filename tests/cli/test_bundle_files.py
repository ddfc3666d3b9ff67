"""Files of a deployment: what the workspace lost or others changed, and where they are."""

from __future__ import annotations

import base64
import itertools
import os
import subprocess
from pathlib import Path

import pytest
from databricks.sdk.errors import NotFound
from databricks.sdk.service.workspace import ImportFormat, Language

from tests.cli.bundles import Bundle, make_bundle
from tests.support import LocalWorkspace

_numbers = itertools.count(1)


@pytest.fixture
def bundle(workspace: LocalWorkspace, tmp_path: Path) -> Bundle:
    return make_bundle(tmp_path, f"files_{os.getpid()}_{next(_numbers)}", workspace)


def test_a_file_that_was_changed_or_deleted_in_the_workspace_is_put_back(bundle: Bundle) -> None:
    bundle.run("deploy")
    client, files = bundle.workspace.client(), f"/Workspace/Shared/{bundle.name}/files"
    client.workspace.delete(f"{files}/scripts/main.py")
    other = base64.b64encode(b"print('by hand')").decode()
    notebook = f"{files}/notebooks/greet"
    client.workspace.import_(
        notebook, content=other, format=ImportFormat.SOURCE, language=Language.PYTHON, overwrite=True
    )

    text = bundle.run("plan")

    assert "notebooks/greet.py  (changed in the workspace)" in text
    assert "scripts/main.py  (changed in the workspace)" in text
    assert "2 files to upload" in text
    bundle.run("deploy")
    content = client.workspace.export(notebook).content
    assert content is not None and b"there is nobody to greet" in base64.b64decode(content)
    assert client.workspace.get_status(f"{files}/scripts/main.py").path is not None
    assert "no changes" in bundle.run("deploy")


def test_destroy_also_deletes_what_lies_outside_the_deployments_directory(bundle: Bundle) -> None:
    apart = f"/Workspace/Shared/{bundle.name}"
    bundle.replace(f"{{root_path: {apart}}}", f"{{root_path: {apart}, file_path: {apart}_f, state_path: {apart}_s}}")
    bundle.run("deploy")
    client = bundle.workspace.client()
    assert client.workspace.get_status(f"{apart}_f/scripts/main.py").path is not None

    bundle.run("destroy", "--auto-approve")

    with pytest.raises(NotFound):
        client.workspace.get_status(f"{apart}_f/scripts/main.py")
    assert "nothing is deployed" in bundle.run("destroy", "--auto-approve")
    bundle.run("deploy")
    assert client.workspace.get_status(f"{apart}_f/scripts/main.py").path is not None


def test_a_plan_is_out_of_date_also_when_only_files_were_deployed(bundle: Bundle) -> None:
    (bundle.root / ".gitignore").write_text("plan.json\n")
    bundle.run("deploy")
    (bundle.root / "scripts" / "main.py").write_text("print('first')\n")
    (bundle.root / "plan.json").write_text(bundle.run("plan", "-o", "json"))
    (bundle.root / "scripts" / "main.py").write_text("print('second')\n")
    bundle.run("deploy")

    assert "something was deployed in between" in bundle.run("deploy", "--plan", "plan.json", code=6)


def test_a_job_whose_notebook_stays_behind_is_refused(bundle: Bundle) -> None:
    (bundle.root / ".gitignore").write_text("greet.py\n")

    text = bundle.run("deploy", code=6)

    assert "the task 'greet' runs 'notebooks/greet', which is not uploaded" in text
    assert "name it in `sync.include`" in text
    assert bundle.jobs() == {}


def test_a_target_is_deployed_from_its_branch_only(bundle: Bundle) -> None:
    subprocess.run(["git", "init", "--quiet", "--initial-branch", "feature"], cwd=bundle.root, check=True)
    bundle.file.write_text(bundle.file.read_text() + "targets: {prod: {git: {branch: main}}}\n")

    refused = bundle.run("deploy", code=6)

    assert "'prod' is deployed from the branch 'main', and this is 'feature'" in refused
    assert "git switch main" in refused
    assert "created" in bundle.run("deploy", "--force")
