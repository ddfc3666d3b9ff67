"""The task graph's rules, on examples and on random graphs with random outcomes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brickyard.workspace.jobs.graph import RUN_IF, GraphFault, Node, advance, check, run_result, upstream

GOOD = {"SUCCESS", "EXCLUDED"}


@st.composite
def graphs(draw: st.DrawFn) -> list[Node]:
    """Tasks, some of them conditions (`c..`), behind which some run for one outcome only."""
    size = draw(st.integers(1, 9))
    keys: list[str] = []
    nodes = []
    for place in range(size):
        before = draw(st.lists(st.sampled_from(keys), unique=True)) if keys else []
        wanted = {
            key: outcome
            for key in before
            if key.startswith("c") and (outcome := draw(st.sampled_from(["true", "false", ""])))
        }
        key = f"{draw(st.sampled_from(['t', 'c']))}{place}"
        keys.append(key)
        nodes.append(Node(key, tuple(before), draw(st.sampled_from(RUN_IF)), wanted))
    return draw(st.permutations(nodes))


@given(graphs(), st.data())
def test_random_graphs_end_by_the_rules(nodes: list[Node], data: st.DataObject) -> None:
    check(nodes)
    by_key = {node.key: node for node in nodes}
    results: dict[str, str] = {}
    outcomes: dict[str, str] = {}
    running: list[str] = []
    ran: set[str] = set()
    for _ in range(2 * len(nodes) + 1):
        step = advance(nodes, results, running, outcomes)
        for key in step.start:
            assert all(parent in results or parent in step.skip for parent in by_key[key].depends_on)
        results |= step.skip
        running += step.start
        ran |= set(step.start)
        if not running:
            break
        key = data.draw(st.sampled_from(running))
        running.remove(key)
        results[key] = data.draw(st.sampled_from(["SUCCESS", "FAILED", "TIMEDOUT", "CANCELED"]))
        if key.startswith("c") and results[key] == "SUCCESS":
            outcomes[key] = data.draw(st.sampled_from(["true", "false"]))
    assert set(results) == set(by_key), "every task is decided"
    for node in nodes:
        seen = [
            "EXCLUDED" if key in outcomes and node.wanted.get(key, outcomes[key]) != outcomes[key] else results[key]
            for key in node.depends_on
        ]
        good = [result in GOOD for result in seen]
        all_excluded = bool(good) and all(result == "EXCLUDED" for result in seen)
        holds = {
            "ALL_SUCCESS": all(good),
            "NONE_FAILED": all(good),
            "ALL_DONE": True,
            "AT_LEAST_ONE_SUCCESS": any(good) or not good,
            "ALL_FAILED": not any(good),
            "AT_LEAST_ONE_FAILED": not all(good) or not good,
        }[node.run_if]
        assert (node.key in ran) == (holds and not all_excluded)
    leaves = {results[n.key] for n in nodes if not any(n.key in other.depends_on for other in nodes)}
    result = run_result(nodes, results)
    assert (result in ("SUCCESS", "SUCCESS_WITH_FAILURES")) == (leaves <= GOOD)
    assert (result == "SUCCESS") == (set(results.values()) <= GOOD)


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
