"""Properties of paths, names and notebooks that hold for whatever comes in."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from brickyard.workspace.api.errors import ApiError, InvalidParameterValue
from brickyard.workspace.catalog.names import valid_name
from brickyard.workspace.files.errors import LeadsAway
from brickyard.workspace.files.notebooks import recognise, to_jupyter, to_source, with_header
from brickyard.workspace.files.paths import Roots, normal, tree_path

PARTS = st.one_of(
    st.sampled_from(
        ["..", ".", "", "%2e%2e", "..%2f", "a", "Users", "Workspace", "Volumes", "main", "\u0000", "~", "\\..", "link"]
    ),
    st.text(max_size=12),
)
PATHS = st.builds(
    lambda start, parts: start + "/".join(parts), st.sampled_from(["", "/", "dbfs:", "/dbfs/", "//"]), st.lists(PARTS)
)


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> Roots:
    outside = tmp_path_factory.mktemp("outside")
    made = Roots(tmp_path_factory.mktemp("data"))
    for root in made.all:
        (root.directory / "link").symlink_to(outside)
    return made


@settings(max_examples=500)
@given(path=st.one_of(PATHS, st.text(max_size=60)))
def test_no_path_leaves_its_root(roots: Roots, path: str) -> None:
    for lookup in (roots.place, roots.located):
        try:
            place = lookup(path)
        except (InvalidParameterValue, LeadsAway):
            continue
        real = Path(os.path.realpath(place.local))
        assert real.is_relative_to(place.root.directory.resolve())
        assert roots.place(place.path) == place


@settings(max_examples=300)
@given(path=PATHS)
def test_a_normal_path_stays_as_it_is(path: str) -> None:
    try:
        clean = normal(path)
    except InvalidParameterValue:
        return
    assert normal(clean or "/") == clean
    assert ".." not in clean.split("/") and not clean.endswith("/")
    assert tree_path(clean or "/") == tree_path(path)


@settings(max_examples=300)
@given(name=st.text(max_size=300))
def test_a_valid_name_is_one_directory(name: str) -> None:
    try:
        valid = valid_name(name)
    except InvalidParameterValue:
        return
    assert Path("/base", valid).parent == Path("/base") and len(valid.encode()) <= 255
    assert valid_name(valid.upper()) in (valid, valid.upper().lower())


CODE = st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n"), max_size=80)


def plain(code: str) -> bool:
    """Code whose lines are none of the marks of the source format, and not padded."""
    marks = ("# COMMAND", "# MAGIC", "# DBTITLE", "# Databricks notebook source")
    return (
        bool(code.strip()) and code == code.strip("\n") and not any(line.startswith(marks) for line in code.split("\n"))
    )


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(cells=st.lists(st.tuples(st.sampled_from(["code", "markdown"]), CODE.filter(plain)), min_size=1, max_size=5))
def test_notebooks_come_back_from_either_format(cells: list[tuple[str, str]]) -> None:
    assume(all(not text.startswith("%") for kind, text in cells if kind == "code"))
    jupyter = json.dumps(
        {
            "nbformat": 4,
            "nbformat_minor": 5,
            "metadata": {},
            "cells": [
                {"cell_type": kind, "id": f"c{number}", "metadata": {}, "source": text}
                | ({"outputs": [], "execution_count": None} if kind == "code" else {})
                for number, (kind, text) in enumerate(cells)
            ],
        }
    ).encode()
    source = to_source(jupyter)
    assert recognise("a.py", source) == "PYTHON"
    again = to_jupyter(source, "PYTHON")
    found = [(cell["cell_type"], "".join(cell["source"])) for cell in json.loads(again)["cells"]]
    assert found == cells
    assert to_source(again) == source


@pytest.mark.parametrize(
    "cell",
    [
        "%sql\nselect 1",
        "%pip install x",
        "%%time\nx = 1",
        "%run ./other",
        "%matplotlib inline\nx = 1\n!ls",
        "%sh\nls\n\npwd",
    ],
)
def test_magic_cells_come_back(cell: str) -> None:
    notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}}
    body = {"cell_type": "code", "id": "a", "metadata": {}, "outputs": [], "execution_count": None, "source": cell}
    source = to_source(json.dumps({**notebook, "cells": [body]}).encode())
    assert b"\n# MAGIC %" in source
    (back,) = json.loads(to_jupyter(source, "PYTHON"))["cells"]
    assert "".join(back["source"]) == cell


@given(content=st.binary(max_size=200), name=st.sampled_from(["a.py", "a.sql", "a.ipynb", "a.R", "a.scala", "a"]))
def test_any_content_is_told_apart_or_refused(content: bytes, name: str) -> None:
    try:
        language = recognise(name, content)
    except ApiError as error:
        assert error.status == 400 and name == "a.ipynb"
        return
    assert language is None or b"Databricks notebook source" in content


@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=100))
def test_a_header_is_added_once(text: str) -> None:
    once = with_header(text.encode(), "PYTHON")
    assert with_header(once, "PYTHON") == once
    assert once.endswith(text.encode().removeprefix(b"\xef\xbb\xbf"))
