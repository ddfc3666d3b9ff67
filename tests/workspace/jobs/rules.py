"""The rules for task graphs a second time, for tests: how each task ends, given how those end that run.

https://learn.microsoft.com/azure/databricks/jobs/run-if , and for conditions .../jobs/if-else : a dependency on the
outcome that a condition did not have is excluded.
"""

from __future__ import annotations

import graphlib
from collections.abc import Callable, Mapping, Sequence

from hypothesis import strategies as st

from brickyard.workspace.jobs.graph import Node

__all__ = ["GOOD", "HOLDS", "expected", "graphs", "result_of_run"]

GOOD = {"SUCCESS", "EXCLUDED"}
STOPPED = {"CANCELED", "UPSTREAM_CANCELED"}
#: When a task runs, given how many of the tasks before it were good and how many there are.
HOLDS: dict[str, Callable[[int, int], bool]] = {
    "ALL_SUCCESS": lambda good, all_: good == all_,
    "NONE_FAILED": lambda good, all_: good == all_,
    "ALL_DONE": lambda good, all_: True,
    "AT_LEAST_ONE_SUCCESS": lambda good, all_: good > 0,
    "ALL_FAILED": lambda good, all_: good == 0,
    "AT_LEAST_ONE_FAILED": lambda good, all_: good < all_,
}
OTHERWISE = {"ALL_FAILED": "EXCLUDED", "AT_LEAST_ONE_FAILED": "EXCLUDED"}


def expected(
    nodes: Sequence[Node], own: Callable[[str], str], said: Mapping[str, str], kept: Mapping[str, str] | None = None
) -> dict[str, str]:
    """How each task ends.

    Args:
        nodes: The graph.
        own: How a task ends that runs; asked once for each that does.
        said: What the conditions say that succeed: `true` or `false`.
        kept: Results that stand, because a repair does not run these tasks again.
    """
    by_key = {node.key: node for node in nodes}
    results: dict[str, str] = {}
    for key in graphlib.TopologicalSorter({node.key: node.depends_on for node in nodes}).static_order():
        if kept is not None and key in kept:
            results[key] = kept[key]
            continue
        node = by_key[key]
        before = []
        for one in node.depends_on:
            other_branch = results[one] == "SUCCESS" and node.wanted.get(one, said.get(one)) != said.get(one)
            before.append("EXCLUDED" if other_branch else results[one])
        results[key] = _skipped(node.run_if, before) or own(key)
    return results


def _skipped(run_if: str, before: Sequence[str]) -> str:
    """The result of a task that does not run; nothing where it does."""
    if before and set(before) == {"EXCLUDED"}:
        return "EXCLUDED"
    bad = [one for one in before if one not in GOOD]
    if not before or HOLDS[run_if](len(before) - len(bad), len(before)):
        return ""
    return OTHERWISE.get(run_if) or ("UPSTREAM_CANCELED" if set(bad) <= STOPPED else "UPSTREAM_FAILED")


def result_of_run(nodes: Sequence[Node], results: Mapping[str, str]) -> str:
    """A run is judged by its leaves, of which one that was not good decides; all others only add `_WITH_FAILURES`."""
    inner = {key for node in nodes for key in node.depends_on}
    leaves = {results[node.key] for node in nodes if node.key not in inner} - GOOD
    if not leaves:
        return "SUCCESS" if set(results.values()) <= GOOD else "SUCCESS_WITH_FAILURES"
    if leaves <= STOPPED:
        return "CANCELED"
    return "TIMEDOUT" if leaves == {"TIMEDOUT"} else "FAILED"


@st.composite
def graphs(draw: st.DrawFn, most: int = 9, *, conditions: bool = True) -> list[Node]:
    """Tasks, some of them conditions (`c..`), behind which some run for one outcome only; in any order."""
    kinds = ["t", "c"] if conditions else ["t"]
    keys: list[str] = []
    nodes = []
    for place in range(draw(st.integers(1, most))):
        before = draw(st.lists(st.sampled_from(keys), unique=True)) if keys else []
        wanted = {
            key: outcome
            for key in before
            if key.startswith("c") and (outcome := draw(st.sampled_from(["true", "false", ""])))
        }
        key = f"{draw(st.sampled_from(kinds))}{place}"
        keys.append(key)
        nodes.append(Node(key, tuple(before), draw(st.sampled_from(sorted(HOLDS))), wanted))
    return list(draw(st.permutations(nodes)))
