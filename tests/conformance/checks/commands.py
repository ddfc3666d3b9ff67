"""Statements around queries: names in other letters, commands, settings, what is refused."""

from __future__ import annotations

from tests.conformance.model import Group

commands = Group("SQL commands")
q = commands.sql
q(
    "a temporary view in other letters",
    "CREATE OR REPLACE TEMP VIEW Letters AS SELECT 1 AS a",
    "SELECT LETTERS.a, l.A FROM LETTERS JOIN letters AS l ON LETTERS.a = l.a",
)
q("a CTE in other letters", "WITH T AS (SELECT 1 AS a), U AS (SELECT t.a FROM t) SELECT u.a FROM u")
