"""The task graph as pure functions: what may start, what is skipped, and what the run's result is.

The rules are the vendor's (documentation "Configure task dependencies" and "Run if conditions"): a task is decided
once all it depends on has ended; a task that was excluded counts as successful for what comes after it; where
everything before a task was excluded, it is excluded too; a run is judged by its leaves. Disabled tasks disable
those whose condition cannot be met without them, before anything runs:
https://docs.databricks.com/jobs/disabled-tasks .
"""

from __future__ import annotations

import graphlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

__all__ = ["RUN_IF", "GraphFault", "Node", "Step", "advance", "check", "disabled", "run_result", "upstream"]

RUN_IF = ("ALL_SUCCESS", "ALL_DONE", "NONE_FAILED", "AT_LEAST_ONE_SUCCESS", "ALL_FAILED", "AT_LEAST_ONE_FAILED")
_GOOD = frozenset({"SUCCESS", "EXCLUDED"})
#: What can no longer be met when one of the tasks before is disabled, and when all of them are.
_NEEDS_ALL = frozenset({"ALL_SUCCESS", "ALL_FAILED"})
_NEEDS_ONE = frozenset({"AT_LEAST_ONE_SUCCESS", "NONE_FAILED", "AT_LEAST_ONE_FAILED"})
_STOPPED = frozenset({"CANCELED", "UPSTREAM_CANCELED"})
_HANDLES_FAILURE = frozenset({"ALL_FAILED", "AT_LEAST_ONE_FAILED"})


class GraphFault(ValueError):
    """The tasks do not form a graph that can run."""


@dataclass(frozen=True)
class Node:
    """A task of the graph.

    Attributes:
        key: Its name.
        depends_on: The tasks that must end before it is decided.
        run_if: Which of their results let it run; one of `RUN_IF`.
        wanted: Of the tasks it depends on that are conditions, the outcome that lets it run.
        disabled: Whether it does not run in any case.
    """

    key: str
    depends_on: tuple[str, ...] = ()
    run_if: str = "ALL_SUCCESS"
    wanted: Mapping[str, str] = field(default_factory=dict)
    disabled: bool = False


@dataclass(frozen=True)
class Step:
    """What follows from the results so far.

    Attributes:
        start: Tasks that may start now, in the graph's order.
        skip: Tasks that will not run, with their result.
    """

    start: tuple[str, ...]
    skip: Mapping[str, str]


def check(nodes: Sequence[Node]) -> None:
    """Refuse what is not a graph of tasks.

    Raises:
        GraphFault: A key is repeated, a dependency does not exist, or tasks depend on each other in a circle.
    """
    keys = [node.key for node in nodes]
    repeated = sorted({key for key in keys if keys.count(key) > 1})
    if repeated:
        raise GraphFault(f"task_key {repeated[0]!r} is used more than once")
    for node in nodes:
        for key in node.depends_on:
            if key not in keys:
                raise GraphFault(f"task {node.key!r} depends on {key!r}, which is not a task of the job")
    try:
        graphlib.TopologicalSorter({node.key: node.depends_on for node in nodes}).prepare()
    except graphlib.CycleError as error:
        raise GraphFault(f"tasks depend on each other in a circle: {' -> '.join(reversed(error.args[1]))}") from error


def upstream(nodes: Iterable[Node], key: str) -> frozenset[str]:
    """Every task that ends before `key` is decided, directly or not."""
    parents = {node.key: node.depends_on for node in nodes}
    found: set[str] = set()
    waiting = list(parents.get(key, ()))
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting.extend(parents.get(one, ()))
    return frozenset(found)


def disabled(nodes: Sequence[Node]) -> frozenset[str]:
    """The tasks that are disabled, and those that can therefore not run."""
    found: set[str] = set()
    before = -1
    while len(found) > before:
        before = len(found)
        for node in nodes:
            off = [key in found for key in node.depends_on]
            behind = (node.run_if in _NEEDS_ALL and any(off)) or (node.run_if in _NEEDS_ONE and all(off))
            if node.disabled or (off and behind):
                found.add(node.key)
    return frozenset(found)


def advance(
    nodes: Sequence[Node],
    results: Mapping[str, str],
    started: Collection[str],
    outcomes: Mapping[str, str] | None = None,
) -> Step:
    """What may start and what is skipped, given the results of what has ended and what is under way.

    Args:
        nodes: The graph.
        results: The results of what has ended, by task.
        started: What is under way.
        outcomes: What the conditions that have ended said: `true` or `false`.
    """
    skip: dict[str, str] = {key: "DISABLED" for key in disabled(nodes) if key not in results and key not in started}
    known = {**results, **skip}
    start: set[str] = set()
    changed = True
    while changed:  # a skipped task decides the tasks after it, whatever the order in which they are listed
        changed = False
        for node in nodes:
            if node.key in known or node.key in started or node.key in start:
                continue
            if any(key not in known for key in node.depends_on):
                continue
            verdict = _verdict(node, [_counts_as(node, key, known[key], outcomes or {}) for key in node.depends_on])
            changed = True
            if verdict is None:
                start.add(node.key)
            else:
                skip[node.key] = known[node.key] = verdict
    return Step(tuple(node.key for node in nodes if node.key in start), skip)


def _counts_as(node: Node, key: str, result: str, outcomes: Mapping[str, str]) -> str:
    """The result of a dependency for a node: a condition that said the other thing excludes what is behind it."""
    wanted = node.wanted.get(key)
    return "EXCLUDED" if wanted is not None and result == "SUCCESS" and outcomes.get(key) != wanted else result


def _verdict(node: Node, results: Sequence[str]) -> str | None:
    """Nothing where the task runs, otherwise the result with which it is skipped."""
    if not results:
        return None
    if all(result == "EXCLUDED" for result in results):
        return "EXCLUDED"
    counting = [result for result in results if result != "DISABLED"]  # which has neither succeeded nor failed
    if _holds(node.run_if, [result in _GOOD for result in counting]):
        return None
    if node.run_if in _HANDLES_FAILURE:
        return "EXCLUDED"
    return "UPSTREAM_CANCELED" if all(r in _GOOD | _STOPPED for r in counting) else "UPSTREAM_FAILED"


def _holds(run_if: str, good: Sequence[bool]) -> bool:
    if run_if in ("ALL_SUCCESS", "NONE_FAILED"):
        return all(good)
    if run_if == "AT_LEAST_ONE_SUCCESS":
        return any(good)
    if run_if == "ALL_FAILED":
        return not any(good)
    if run_if == "AT_LEAST_ONE_FAILED":
        return not all(good)
    return True


def run_result(nodes: Sequence[Node], results: Mapping[str, str]) -> str:
    """The result of the run whose tasks have all ended: the leaves decide, the others only add `_WITH_FAILURES`."""
    inner = {key for node in nodes for key in node.depends_on}
    leaves = {results[node.key] for node in nodes if node.key not in inner}
    bad = leaves - _GOOD - {"DISABLED"}
    if set(results.values()) == {"DISABLED"}:
        return "DISABLED"
    if not bad:
        return "SUCCESS" if set(results.values()) <= _GOOD | {"DISABLED"} else "SUCCESS_WITH_FAILURES"
    if bad <= _STOPPED:
        return "CANCELED"
    return "TIMEDOUT" if bad == {"TIMEDOUT"} else "FAILED"
