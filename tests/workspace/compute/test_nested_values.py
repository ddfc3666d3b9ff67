"""Corrected expressions inside of others: what the engine gets grows with their depth, not with its power."""

from __future__ import annotations

from itertools import pairwise

import pytest
from pyspark.sql.connect.proto import relations_pb2

from brickyard.workspace.compute.gateway.values import correct_relation, correct_sql
from brickyard.workspace.compute.gateway.values.expressions import call
from brickyard.workspace.compute.gateway.values.probes import Asked, Question

DEPTH = 7


def _kinds(question: Question) -> Asked:
    return [(text, "decimal(38,18)" if text == "d" else "double") for text in question.texts]


def _nested(pattern: str, start: str) -> list[str]:
    texts = [start]
    for _ in range(DEPTH):
        texts.append(pattern.format(texts[-1]))
    return [correct_sql(f"SELECT {text} AS y FROM t", _kinds) for text in texts[1:]]


def _grows_evenly(sizes: list[int]) -> bool:
    steps = [after - before for before, after in pairwise(sizes)][1:]
    return max(steps) < 1.2 * min(steps)


def test_texts_grow_with_their_depth() -> None:
    for pattern, start in (("round({}, 2)", "x"), ("d * ({})", "d"), ("initcap({})", "s"), ("conv({}, 10, 2)", "s")):
        assert _grows_evenly([len(text) for text in _nested(pattern, start)]), pattern


def test_plans_grow_with_their_depth() -> None:
    sizes = []
    column = call("column")
    column.Clear()
    column.unresolved_attribute.unparsed_identifier = "x"
    digits = call("digits")
    digits.Clear()
    digits.literal.integer = 2
    for _ in range(DEPTH):
        column = call("round", column, digits)
        relation = relations_pb2.Relation()
        relation.with_columns.aliases.add(name=["y"]).expr.CopyFrom(column)
        correct_relation(relation, lambda asked: [("x", "double")] * len(asked.project.expressions))
        sizes.append(relation.ByteSize())
    assert _grows_evenly(sizes)


def _longs(question: Question) -> Asked:
    return [(text, "bigint") for text in question.texts]


@pytest.mark.parametrize("query", ["SELECT {} AS y FROM t", "SELECT 1 FROM t WHERE {} > 5"])
def test_each_step_of_a_long_sum_is_cast_back_and_planned_at_once(query: str) -> None:
    short, long = (correct_sql(query.format(" - ".join("a" * terms)), _longs) for terms in (4, 30))
    assert (short.count(") AS bigint)"), long.count(") AS bigint)")) == (3, 29)
    assert (short.count("TRY_CAST("), long.count("TRY_CAST(")) == (0, 58)


def test_a_plan_of_a_long_sum_has_few_casts_to_integers() -> None:
    relation = relations_pb2.Relation()
    column, one = call("column"), call("one")
    for made in (column, one):
        made.Clear()
        made.unresolved_attribute.unparsed_identifier = "a"
    for _ in range(20):
        column = call("+", column, one)
    relation.with_columns.aliases.add(name=["y"]).expr.CopyFrom(column)
    correct_relation(relation, lambda asked: [("x", "bigint")] * len(asked.project.expressions))
    assert str(relation).count('type_str: "BIGINT"') == 5


def test_a_random_operand_is_there_once() -> None:
    text = correct_sql("SELECT round(randn() * 10, 1) AS y, initcap(uuid()) AS z", _kinds)
    assert text.count("randn()") == 1
    assert text.count("uuid()") == 1


def test_columns_are_repeated_so_that_the_engine_may_read_less() -> None:
    assert "transform" not in correct_sql("SELECT round(x * 1.5D, 1) AS y, round(sum(x), 2) AS z FROM t", _kinds)


def test_lambda_functions_stay_where_the_engine_would_lose_their_columns() -> None:
    still = correct_sql("SELECT k FROM t WHERE exists(a, x -> x > 1)", _kinds)
    assert "WHERE if(rand() >= 0, exists(a, x -> x > 1), NULL)" in still
    for sql in (
        "SELECT explode(filter(a, x -> x > 1)) AS v FROM t",
        "SELECT size(filter(a, x -> x > 1)) AS n, count(*) AS c FROM t GROUP BY 1",
        "DELETE FROM t WHERE exists(a, x -> x > 1)",
    ):
        assert correct_sql(sql, _kinds) == sql
