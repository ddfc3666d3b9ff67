"""A job of thirty tasks with every `run_if`, and how each of them ends by the vendor's documentation.

https://learn.microsoft.com/azure/databricks/jobs/run-if : where its condition does not hold, a task is `Upstream
failed`, or `Excluded` if it handles failures; what is excluded counts as successful; behind excluded tasks only, a task
is excluded whatever its condition; a cancelled task cancels what follows, except what handles failures.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CONDITION", "TASKS", "Row"]

CONDITION = "cond"


@dataclass(frozen=True)
class Row:
    """A task.

    Attributes:
        key: Its name.
        run_if: When it runs.
        before: What it depends on; behind the condition with an outcome (`cond:false`).
        first: Its result in a run in which `bad` and `worse` fail, `late` is too slow and `stopped` is cancelled.
        repaired: Its result once all failed tasks were repaired, and none of them fails; nothing where it does not run
            again.
    """

    key: str
    run_if: str
    before: str
    first: str
    repaired: str = ""

    @property
    def depends_on(self) -> list[dict[str, str]]:
        """As in a job's settings."""
        pairs = [one.partition(":") for one in self.before.split()]
        return [{"task_key": key} | ({"outcome": outcome} if outcome else {}) for key, _, outcome in pairs]


TASKS = [
    Row("ok", "ALL_SUCCESS", "", "SUCCESS"),
    Row("fine", "ALL_SUCCESS", "", "SUCCESS"),
    Row("bad", "ALL_SUCCESS", "", "FAILED", "SUCCESS"),
    Row("worse", "ALL_SUCCESS", "", "FAILED", "SUCCESS"),
    Row("late", "ALL_SUCCESS", "", "TIMEDOUT", "SUCCESS"),
    Row("stopped", "ALL_SUCCESS", "", "CANCELED", "SUCCESS"),
    Row(CONDITION, "ALL_SUCCESS", "", "SUCCESS"),
    Row("yes", "ALL_SUCCESS", "cond:true", "SUCCESS"),
    Row("no", "ALL_SUCCESS", "cond:false", "EXCLUDED"),
    Row("all_of_good", "ALL_SUCCESS", "ok fine", "SUCCESS"),
    Row("all_with_excluded", "ALL_SUCCESS", "ok no", "SUCCESS"),
    Row("all_with_failed", "ALL_SUCCESS", "ok bad", "UPSTREAM_FAILED", "SUCCESS"),
    Row("all_with_stopped", "ALL_SUCCESS", "ok stopped", "UPSTREAM_CANCELED", "SUCCESS"),
    Row("all_of_excluded", "ALL_SUCCESS", "no", "EXCLUDED"),
    Row("one_good", "AT_LEAST_ONE_SUCCESS", "ok bad", "SUCCESS"),
    Row("one_of_bad", "AT_LEAST_ONE_SUCCESS", "bad late", "UPSTREAM_FAILED", "SUCCESS"),
    Row("one_of_excluded", "AT_LEAST_ONE_SUCCESS", "no", "EXCLUDED"),
    Row("none_of_good", "NONE_FAILED", "yes no", "SUCCESS"),
    Row("none_with_failed", "NONE_FAILED", "ok worse", "UPSTREAM_FAILED", "SUCCESS"),
    Row("none_with_late", "NONE_FAILED", "late", "UPSTREAM_FAILED", "SUCCESS"),
    Row("done", "ALL_DONE", "bad late stopped", "SUCCESS"),
    Row("done_of_excluded", "ALL_DONE", "no", "EXCLUDED"),
    Row("alarm", "AT_LEAST_ONE_FAILED", "ok bad", "SUCCESS"),
    Row("alarm_of_good", "AT_LEAST_ONE_FAILED", "ok fine", "EXCLUDED"),
    Row("alarm_of_stopped", "AT_LEAST_ONE_FAILED", "stopped", "SUCCESS"),
    Row("worst", "ALL_FAILED", "bad worse late", "SUCCESS"),
    Row("worst_of_some", "ALL_FAILED", "ok bad", "EXCLUDED", "EXCLUDED"),
    Row("after_failed", "ALL_SUCCESS", "all_with_failed", "UPSTREAM_FAILED", "SUCCESS"),
    Row("worst_of_upstream", "ALL_FAILED", "all_with_failed none_with_failed", "SUCCESS"),
    Row("end", "ALL_DONE", "all_with_stopped one_of_bad after_failed", "SUCCESS"),
]
