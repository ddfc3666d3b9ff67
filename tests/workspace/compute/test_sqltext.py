"""Statements read word by word."""

from __future__ import annotations

import pytest

from brickyard.workspace.compute.gateway.engine_text import as_engine_reads
from brickyard.workspace.compute.gateway.errors import SparkError
from brickyard.workspace.compute.gateway.sqltext import Cursor, parse, tokenize


def test_a_word_in_quotes_is_no_word_of_the_statement() -> None:
    cursor = Cursor("INSERT INTO `table` VALUES ('VALUES')")
    assert cursor.take("INSERT", "INTO")
    assert not cursor.take("TABLE")
    assert cursor.name() == ["table"]
    assert cursor.take("VALUES", "(")
    assert not cursor.take("VALUES")
    assert cursor.string() == "VALUES"


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("a <> '(' ) rest", "a <> '('"),
        ("f(a, b), c", "f(a, b)"),
        ("',' , c", "','"),
        ("r')' , c", "r')'"),
        ("'' , c", "''"),
        ("(SELECT max(a) FROM t) , c", "(SELECT max(a) FROM t)"),
    ],
)
def test_an_expression_ends_outside_of_brackets_and_quotes(text: str, read: str) -> None:
    assert Cursor(text).until(",") == read


def test_there_must_be_an_expression() -> None:
    with pytest.raises(SparkError, match="expected an expression"):
        Cursor(") AS x").until(",")


def test_the_source_of_a_function_is_one_text() -> None:
    source = "\n'''It isn't\none line'''\nreturn 'a''b'\n"
    statement = f"CREATE FUNCTION f() RETURNS STRING LANGUAGE PYTHON AS $${source}$$;"
    assert as_engine_reads(statement) == statement
    assert tokenize(statement)[-1].text == source
    assert [token.text for token in tokenize("SELECT '$$'")] == ["SELECT", "$$"]


@pytest.mark.parametrize("statement", ["SELECT 1", "SELECT 1;", "SELECT 1; -- the end", "/* a */ SELECT 1 /* b */;;"])
def test_comments_and_semicolons_at_the_end_are_no_statements(statement: str) -> None:
    assert parse(statement).sql(comments=False) == "SELECT 1"


def test_several_statements_are_refused() -> None:
    with pytest.raises(SparkError, match="one statement at a time"):
        tokenize("SELECT 1; SELECT 2")
