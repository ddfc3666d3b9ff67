"""Runs as lines of lists."""

from __future__ import annotations

from dataclasses import dataclass

from brickyard.workspace.api.errors import NotFound
from brickyard.workspace.clock import now
from brickyard.workspace.jobs.records import RunRecord
from brickyard.workspace.jobs.states import State

__all__ = ["RunRow", "number_of", "run_row", "state_of"]

_LARGEST_ID = 2**63 - 1


@dataclass(frozen=True)
class RunRow:
    """A run or an attempt at a task, as a line of a list. Times are epoch milliseconds.

    Attributes:
        offset: Where it began, in percent of the whole run's time.
        share: How long it took, in percent of the whole run's time.
    """

    run_id: int
    job_id: int
    name: str
    state: str
    message: str
    ended: bool
    started_at: int | None
    duration: int | None
    attempt: int = 0
    error: str = ""
    trace: str = ""
    offset: float = 0
    share: float = 0


def run_row(record: RunRecord) -> RunRow:
    """A whole run."""
    return RunRow(
        run_id=record.run_id,
        job_id=record.job_id,
        name=record.name,
        state=state_of(record.state),
        message=record.state.message,
        ended=record.state.ended,
        started_at=record.created_at,
        duration=(record.ended_at or now()) - (record.started_at or record.created_at),
    )


def state_of(state: State) -> str:
    """The result where there is one, else how far it is."""
    return state.result or state.shown


def number_of(text: str, noun: str) -> int:
    """The id in an address.

    Raises:
        NotFound: It is none.
    """
    if not (text.isascii() and text.isdigit()) or len(text) > 19 or int(text) > _LARGEST_ID:
        raise NotFound(f"There is no {noun} {text!r}.")
    return int(text)
