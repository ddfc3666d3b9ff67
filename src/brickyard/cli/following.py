"""Shows a run while it goes on, and ends the command as the run ended."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from brickyard.cli.render import coloured, duration
from brickyard.errors import RunFailed

if TYPE_CHECKING:
    from brickyard.plan.connect import Connection
    from brickyard.plan.runs import Listener, TaskState

__all__ = ["follow_to_end"]


def follow_to_end(connection: Connection, run_id: int, what: str, next_step: str) -> None:
    """Show a run until it has ended; Ctrl-C cancels it.

    Args:
        connection: The workspace.
        run_id: The run.
        what: The run as messages name it: `run 5 of 'train'`.
        next_step: What to do where it fails.

    Raises:
        RunFailed: It did not succeed, or was cancelled.
    """
    from brickyard.plan import runs

    try:
        result = runs.follow(connection, run_id, _listener())
    except KeyboardInterrupt:
        click.echo(f"\ninterrupted: run {run_id} is being cancelled", err=True)
        ended = runs.cancel(connection, run_id)
        raise RunFailed(f"run {run_id} was cancelled ({ended.run.word})", where=ended.url) from None
    took = duration(result.run.seconds)
    if not result.run.succeeded:
        failed = [task.key for task in result.tasks if not task.succeeded]
        raise RunFailed(
            f"{what} ended with {result.run.word} after {took}"
            + (f"; tasks without success: {', '.join(failed)}" if failed else f": {result.run.message}"),
            where=result.url,
            next=next_step,
        )
    click.echo(f"{coloured('SUCCESS')} {what} in {took}")


def _listener() -> Listener:
    from brickyard.plan.runs import Listener

    def started(run_id: int, url: str | None) -> None:
        click.echo(f"run {run_id}" + (f": {url}" if url else ""))

    def changed(task: TaskState) -> None:
        if task.word in ("BLOCKED", "PENDING"):
            return
        again = f" (attempt {task.attempt + 1})" if task.attempt else ""
        took = f"  {duration(task.seconds)}" if task.ended else ""
        click.echo(f"  {time.strftime('%H:%M:%S')}  {coloured(task.word, 16)} {task.key}{again}{took}")

    def output(task_key: str, line: str) -> None:
        click.echo(click.style(f"  {task_key} | ", dim=True) + line)

    def failed(task: TaskState, error: str, trace: str) -> None:
        click.echo(f"\n{coloured(task.word)} {task.key}: {error}", err=True)
        if trace:
            click.echo(trace.rstrip(), err=True)

    return Listener(started, changed, output, failed)
