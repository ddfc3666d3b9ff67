"""`runs` and `workspace run-notebook`: runs looked at, repaired and cancelled, and notebooks that are files here."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from tests.cli.bundles import Bundle, make_bundle
from tests.support import LocalWorkspace

NOTEBOOK = """# Databricks notebook source
# MAGIC %run ./parts/shared

# COMMAND ----------
dbutils.widgets.text("who", "nobody")
print(greeting(dbutils.widgets.get("who")))
import helper
dbutils.notebook.exit(helper.NAME)
"""


@pytest.fixture(scope="module")
def bundle(workspace: LocalWorkspace, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    made = make_bundle(tmp_path_factory.mktemp("runs"), f"runs_{os.getpid()}", workspace)
    made.run("deploy")
    return made


@pytest.fixture(scope="module")
def failed(bundle: Bundle) -> str:
    """The id of a run that has failed."""
    text = bundle.run("run", "hello", "--params", "who=nobody", code=7)
    match = re.search(r"run (\d+)", text)
    assert match
    return match[1]


def test_runs_are_listed_and_shown(bundle: Bundle, failed: str) -> None:
    lines = bundle.run("runs", "list", "--job", f"{bundle.name} hello").splitlines()
    assert lines[0].split() == ["RUN", "JOB", "STARTED", "STATE", "TOOK", "NAME"]
    assert any(line.startswith(failed) and "FAILED" in line for line in lines)
    [first, *_] = json.loads(bundle.run("runs", "list", "-n", "1", "-o", "json"))
    assert first["run"]["run_id"] and first["trigger"] == "ONE_TIME"
    shown = bundle.run("runs", "get", failed)
    assert f"FAILED run {failed}" in shown and "FAILED           greet" in shown
    assert "there is no job called 'none'" in bundle.run("runs", "list", "--job", "none", code=2)


def test_output_of_a_run_is_printed_with_its_error(bundle: Bundle, failed: str) -> None:
    text = bundle.run("runs", "logs", failed)
    assert "hello nobody" in text and "ValueError: there is nobody to greet" in text
    assert "the run has no task 'x'\n" in bundle.run("runs", "logs", failed, "--task", "x", code=2)
    assert "ended with FAILED" in bundle.run("runs", "logs", failed, "--follow", code=7)


def test_notebooks_of_a_run_are_written_as_files(bundle: Bundle, failed: str, tmp_path: Path) -> None:
    [page] = bundle.run("runs", "export", failed, "-d", str(tmp_path)).split()
    assert "there is nobody to greet" in Path(page).read_text()
    [jupyter] = bundle.run("runs", "export", failed, "-d", str(tmp_path), "--format", "ipynb").split()
    cells = json.loads(Path(jupyter).read_text())["cells"]
    assert "ValueError" in [output.get("ename") for cell in cells for output in cell.get("outputs", [])]


def test_repair_follows_what_runs_again(bundle: Bundle) -> None:
    text = bundle.run("run", "hello", "--params", "who=nobody", code=7)
    match = re.search(r"run (\d+)", text)
    assert match
    again = bundle.run("runs", "repair", match[1], code=7)
    assert f"of run {match[1]} is started" in again and "greet (attempt 2)" in again
    assert "is started" in bundle.run("runs", "repair", match[1], "--task", "greet", "--no-wait")
    assert "CANCELED" in bundle.run("runs", "cancel", match[1]) or "FAILED" in bundle.run("runs", "get", match[1])


def test_notebook_that_is_a_file_runs_with_what_lies_beside_it(bundle: Bundle, tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "first.py").write_text(NOTEBOOK)
    shared = "# Databricks notebook source\ndef greeting(who): return f'hello {who}'"
    (tmp_path / "parts" / "shared.py").write_text(shared)
    (tmp_path / "helper.py").write_text("NAME = 'helped'")
    text = bundle.run("workspace", "run-notebook", str(tmp_path / "first.py"), "--param", "who=moon")
    assert "hello moon" in text and "result: helped" in text and "SUCCESS 'first.py'" in text
    me = bundle.workspace.client().current_user.me().user_name
    assert not list(bundle.workspace.client().workspace.list(f"/Users/{me}/.brickyard"))


def test_notebook_that_fails_ends_with_its_error(bundle: Bundle, tmp_path: Path) -> None:
    path = tmp_path / "bad.ipynb"
    cell = {"cell_type": "code", "source": ["raise ValueError('no')"], "metadata": {}, "outputs": []}
    cell["execution_count"] = None
    path.write_text(json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    assert "ValueError: no" in bundle.run("workspace", "run-notebook", str(path), "--alone", code=7)


def test_what_is_no_notebook_is_refused(bundle: Bundle, tmp_path: Path) -> None:
    (tmp_path / "plain.py").write_text("print(1)")
    assert "that is no notebook" in bundle.run("workspace", "run-notebook", str(tmp_path / "plain.py"), code=2)
    assert "there is no such file" in bundle.run("workspace", "run-notebook", str(tmp_path / "none.py"), code=2)
