"""Notebooks of both formats are read as what they are."""

from __future__ import annotations

import json

import pytest

from brickyard.runtime.magics import run_arguments
from brickyard.runtime.notebook import Cell, parse
from brickyard.runtime.notebook.source import NotebookFormatError
from brickyard.runtime.notebook.sql import statements

SOURCE = """# Databricks notebook source
# MAGIC %md
# MAGIC # Title

# COMMAND ----------

# DBTITLE 1,Load the data
x = 1
# a comment

# COMMAND ----------

# MAGIC %sql
# MAGIC select 1
# MAGIC
# MAGIC -- end

# COMMAND ----------

# MAGIC %pip install pandas
y = 2
"""


def test_source_format() -> None:
    notebook = parse(SOURCE)
    assert notebook.language == "python"
    assert [cell.language for cell in notebook.cells] == ["md", "python", "sql", "python"]
    assert notebook.cells[0].body.strip() == "# Title"
    assert notebook.cells[1] == Cell("python", "x = 1\n# a comment", "x = 1\n# a comment", "Load the data")
    assert notebook.cells[2].body.strip() == "select 1\n\n-- end"
    assert notebook.cells[3].body == "%pip install pandas\ny = 2"


def test_windows_line_ends_and_byte_order_mark() -> None:
    assert len(parse("\ufeff" + SOURCE.replace("\n", "\r\n")).cells) == 4


def test_sql_notebook() -> None:
    second = "-- COMMAND ----------\n\n-- MAGIC %python\n-- MAGIC x = 1\n"
    notebook = parse(f"-- Databricks notebook source\nselect 1\n\n{second}")
    assert [(cell.language, cell.body.strip()) for cell in notebook.cells] == [("sql", "select 1"), ("python", "x = 1")]


def test_jupyter_format() -> None:
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": "# T"},
        {
            "cell_type": "code",
            "metadata": {},
            "source": ["%%sql\n", "select 1"],
            "outputs": [],
            "execution_count": None,
        },
    ]
    content = json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4})
    assert [(cell.language, cell.body.strip()) for cell in parse(content).cells] == [("md", "# T"), ("sql", "select 1")]


@pytest.mark.parametrize("content", ["print(1)", "", '{"a": 1}', "{ no json"])
def test_what_is_no_notebook_is_refused(content: str) -> None:
    with pytest.raises(NotebookFormatError):
        parse(content)


def test_arguments_of_run() -> None:
    assert run_arguments('"./a notebook" $x="1 2" $y=3') == ("./a notebook", {"x": "1 2", "y": "3"})
    for wrong in ("", "./a x=1", "./a $x"):
        with pytest.raises(ValueError, match="%run"):
            run_arguments(wrong)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("select 1", ["select 1"]),
        ("select ';'; select 2;", ["select ';'", "select 2"]),
        ("-- only; a comment", []),
        ("select 1; -- last;\n", ["select 1"]),
        ("select `a;b` from t /* ; */ ; select 2", ["select `a;b` from t /* ; */", "select 2"]),
    ],
)
def test_statements_of_a_cell(text: str, expected: list[str]) -> None:
    assert statements(text) == expected
