"""Which files go to the workspace."""

from __future__ import annotations

from pathlib import Path

import pytest

from brickyard.errors import DeploymentError
from brickyard.plan.artifacts import build_artifacts, with_uploaded_wheels
from brickyard.plan.sync import local_files
from brickyard.project import Project, load_project

NOTEBOOK = "# Databricks notebook source\n"


def project(root: Path, files: dict[str, str], more: str = "") -> Project:
    bundle = "bundle: {name: b}\nworkspace: {root_path: /Workspace/b}\n" + more
    for name, text in {"databricks.yml": bundle, **files}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return load_project(root)


def names(found: Project) -> list[str]:
    return sorted(path.removeprefix("/Workspace/b/files/") for path in local_files(found))


def test_git_decides_what_is_left_out(tmp_path: Path) -> None:
    files = {
        ".gitignore": "*.log\n!keep.log\nsecret/\n",
        "a.py": "", "a.log": "", "keep.log": "", "secret/x.txt": "",
        "sub/.gitignore": "*.txt\n", "sub/a.txt": "", "sub/b.py": "",
        ".git/config": "", ".venv/x.py": "", "__pycache__/a.pyc": "", "dist/a.whl": "", "sub/dist/c.py": "",
    }  # fmt: skip

    assert names(project(tmp_path, files)) == [
        ".gitignore", "a.py", "databricks.yml", "keep.log", "sub/.gitignore", "sub/b.py", "sub/dist/c.py",
    ]  # fmt: skip


def test_the_project_may_bring_files_back_and_leave_others_out(tmp_path: Path) -> None:
    files = {".gitignore": "data/\n", "data/a.csv": "", "data/b.txt": "", "notes.md": "", "a.py": ""}
    sync = "sync: {include: ['data/*.csv'], exclude: ['*.md', .gitignore]}\n"

    assert names(project(tmp_path, files, sync)) == ["a.py", "data/a.csv", "databricks.yml"]


def test_a_notebook_loses_its_suffix_and_may_not_meet_a_file_of_that_name(tmp_path: Path) -> None:
    found = project(tmp_path, {"train.py": NOTEBOOK})
    file = local_files(found)["/Workspace/b/files/train"]
    assert (file.remote, file.size) == ("/Workspace/b/files/train.py", len(NOTEBOOK))

    (tmp_path / "train").write_text("a plain file")
    with pytest.raises(DeploymentError, match="have the same path in the workspace"):
        local_files(found)


WHEEL = """
artifacts: {lib: {type: whl, path: lib, build: "mkdir -p dist && date +%N > dist/lib-1-py3-none-any.whl"}}
"""


def test_a_wheel_is_built_again_only_when_its_sources_changed(tmp_path: Path) -> None:
    found = project(tmp_path, {"lib/pyproject.toml": "", "lib/a.py": "1"}, WHEEL)
    wheel = tmp_path / "lib/dist/lib-1-py3-none-any.whl"
    built: list[str] = []

    build_artifacts(found, built.append)
    assert names(found) == ["databricks.yml", "lib/a.py", "lib/pyproject.toml"]
    first = wheel.read_text()
    build_artifacts(found, built.append)
    assert (built, wheel.read_text()) == (["building lib"], first)

    (tmp_path / "lib/a.py").write_text("2")
    build_artifacts(found, built.append)
    assert len(built) == 2
    wheel.unlink()
    build_artifacts(found, built.append)
    assert wheel.exists()


def test_what_a_build_leaves_among_its_sources_does_not_make_it_build_again(tmp_path: Path) -> None:
    command = "mkdir -p dist build && cp a.py build/ && date +%N > dist/lib-1-py3-none-any.whl"
    found = project(tmp_path, {"lib/a.py": "1"}, f"artifacts: {{lib: {{path: lib, build: {command!r}}}}}\n")
    built: list[str] = []

    build_artifacts(found, built.append)
    build_artifacts(found, built.append)

    assert built == ["building lib"]


def test_a_source_that_changes_while_it_is_built_is_built_again(tmp_path: Path) -> None:
    command = "mkdir -p dist && date +%N > dist/lib-1-py3-none-any.whl && echo 2 > a.py"
    found = project(tmp_path, {"lib/a.py": "1"}, f"artifacts: {{lib: {{path: lib, build: {command!r}}}}}\n")
    built: list[str] = []

    build_artifacts(found, built.append)
    build_artifacts(found, built.append)

    assert built == ["building lib"] * 2


def test_a_build_that_fails_shows_what_it_printed(tmp_path: Path) -> None:
    text = "artifacts: {lib: {path: lib, build: 'echo no compiler >&2; exit 3'}}\n"
    found = project(tmp_path, {"lib/a.py": ""}, text)

    with pytest.raises(DeploymentError, match=r"ended with 3\n    no compiler"):
        build_artifacts(found, lambda line: None)


def test_local_wheels_become_paths_of_the_workspace(tmp_path: Path) -> None:
    found = project(tmp_path, {"lib/dist/lib-1-py3-none-any.whl": "x"})
    job = {
        "tasks": [{"libraries": [{"whl": "./lib/dist/*.whl"}, {"pypi": {"package": "a"}}]}],
        "environments": [{"spec": {"dependencies": ["pandas", "./lib/dist/*.whl"]}}],
    }

    moved, uploads = with_uploaded_wheels(job, found, "jobs.j")

    remote = "/Workspace/b/artifacts/.internal/lib-1-py3-none-any.whl"
    assert moved["tasks"][0]["libraries"][0] == {"whl": remote}
    assert moved["environments"][0]["spec"]["dependencies"] == ["pandas", remote]
    assert list(uploads) == [remote]
    (tmp_path / "lib/dist/lib-2-py3-none-any.whl").write_text("y")
    with pytest.raises(DeploymentError, match="name exactly one wheel"):
        with_uploaded_wheels(job, found, "jobs.j")
