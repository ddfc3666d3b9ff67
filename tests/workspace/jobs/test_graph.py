"""The task graph's rules, on examples and on random graphs with random outcomes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brickyard.workspace.jobs.graph import GraphFault, Node, advance, check, run_result, upstream
from tests.workspace.jobs.rules import expected, graphs, result_of_run


@given(graphs(), st.data())
def test_random_graphs_end_by_the_rules(nodes: list[Node], data: st.DataObject) -> None:
    check(nodes)
    results: dict[str, str] = {}
    said: dict[str, str] = {}
    running: list[str] = []
    ran: dict[str, str] = {}
    for _ in range(2 * len(nodes) + 1):
        step = advance(nodes, results, running, said)
        results |= step.skip
        for node in nodes:
            assert node.key not in step.start or set(node.depends_on) <= set(results), "all before it has ended"
        running += step.start
        if not running:
            break
        key = data.draw(st.sampled_from(running))
        running.remove(key)
        results[key] = ran[key] = data.draw(st.sampled_from(["SUCCESS", "FAILED", "TIMEDOUT", "CANCELED"]))
        if key.startswith("c") and results[key] == "SUCCESS":
            said[key] = data.draw(st.sampled_from(["true", "false"]))
    assert results == expected(nodes, ran.__getitem__, said), "every task is decided, and as the rules say"
    assert run_result(nodes, results) == result_of_run(nodes, results)


def test_failure_skips_what_follows_and_spares_the_rest() -> None:
    nodes = [Node("a"), Node("b", ("a",)), Node("c", ("b",)), Node("other")]
    step = advance(nodes, {"a": "FAILED"}, ["other"])
    assert step.start == () and step.skip == {"b": "UPSTREAM_FAILED", "c": "UPSTREAM_FAILED"}


def test_task_that_handles_failure_is_excluded_where_there_is_none() -> None:
    nodes = [Node("a"), Node("alarm", ("a",), "AT_LEAST_ONE_FAILED"), Node("after", ("alarm",))]
    step = advance(nodes, {"a": "SUCCESS"}, [])
    assert step.skip == {"alarm": "EXCLUDED", "after": "EXCLUDED"}
    assert run_result(nodes, {"a": "SUCCESS", **step.skip}) == "SUCCESS"


def test_task_that_handles_failure_runs_and_saves_the_run() -> None:
    nodes = [Node("a"), Node("alarm", ("a",), "ALL_FAILED")]
    assert advance(nodes, {"a": "FAILED"}, []).start == ("alarm",)
    assert run_result(nodes, {"a": "FAILED", "alarm": "SUCCESS"}) == "SUCCESS_WITH_FAILURES"


def test_cancelled_task_is_not_called_a_failure() -> None:
    nodes = [Node("a"), Node("b", ("a",))]
    step = advance(nodes, {"a": "CANCELED"}, [])
    assert step.skip == {"b": "UPSTREAM_CANCELED"}
    assert run_result(nodes, {"a": "CANCELED", **step.skip}) == "CANCELED"


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ([Node("a"), Node("a")], "more than once"),
        ([Node("a", ("b",))], "not a task of the job"),
        ([Node("a", ("b",)), Node("b", ("a",))], "circle"),
    ],
)
def test_what_is_no_graph_is_refused(nodes: list[Node], message: str) -> None:
    with pytest.raises(GraphFault, match=message):
        check(nodes)


def test_upstream_reaches_through_the_graph() -> None:
    nodes = [Node("a"), Node("b", ("a",)), Node("c", ("b",)), Node("d")]
    assert upstream(nodes, "c") == {"a", "b"}
