"""`brickyard runs`: what ran in a workspace, what it printed, and how to run what failed again."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from brickyard.cli.options import connection_for, with_workspace
from brickyard.cli.render import coloured, duration, table

if TYPE_CHECKING:
    from brickyard.plan.run_queries import ListedRun
    from brickyard.plan.runs import RunResult, TaskState

__all__ = ["runs"]

_output = click.option(
    "-o", "--output", type=click.Choice(["text", "json"]), default="text", help="How to print the answer."
)
_task = click.option("--task", metavar="KEY", help="Only this task; by default all of them.")
_run_id = click.argument("run_id", type=int)


@click.group()
def runs() -> None:
    """List, follow, export, repair and cancel runs of jobs.

    The workspace is that of --profile, else of the project here, else of DATABRICKS_HOST.
    """


@runs.command("list", short_help="List runs, the newest first.")
@click.option("--job", metavar="ID|NAME", help="Only runs of this job.")
@click.option("--active", is_flag=True, help="Only runs that have not ended.")
@click.option("-n", "--limit", type=click.IntRange(1), default=20, show_default=True, help="How many at most.")
@with_workspace
@_output
def list_runs(job: str | None, active: bool, limit: int, target: str | None, profile: str | None, output: str) -> None:
    """List runs, the newest first."""
    from brickyard.plan import run_queries

    found = run_queries.list_runs(connection_for(target, profile), job, limit, active=active)
    if output == "json":
        click.echo(json.dumps([asdict(one) for one in found], indent=2))
    elif not found:
        click.echo("no runs" + (" are active" if active else " yet"))
    else:
        for line in table([_row(one) for one in found], ("RUN", "JOB", "STARTED", "STATE", "TOOK", "NAME")):
            click.echo(line)


def _row(one: ListedRun) -> tuple[str, ...]:
    at = datetime.fromtimestamp(one.started_at / 1000).strftime("%Y-%m-%d %H:%M:%S")
    run = one.run
    return str(run.run_id), str(one.job_id), at, run.word, duration(run.seconds), run.key


@runs.command(short_help="Show a run and its tasks.")
@_run_id
@with_workspace
@_output
def get(run_id: int, target: str | None, profile: str | None, output: str) -> None:
    """Show run RUN_ID and its tasks."""
    from brickyard.plan.runs import look

    result = look(connection_for(target, profile), run_id)
    if output == "json":
        click.echo(json.dumps(asdict(result), indent=2))
        return
    click.echo(f"{coloured(result.run.word)} run {run_id}, {result.run.key}, {duration(result.run.seconds)}")
    if result.run.message:
        click.echo(result.run.message)
    for task in result.tasks:
        _show_task(task)
    if result.url:
        click.echo(result.url)


def _show_task(task: TaskState) -> None:
    again = f" (attempt {task.attempt + 1})" if task.attempt else ""
    took = f"  {duration(task.seconds)}" if task.ended else ""
    why = f": {task.message}" if task.message else ""
    click.echo(f"  {coloured(task.word, 16)} {task.key}{again}{took}{why}")


@runs.command(short_help="Print what the tasks of a run printed.")
@_run_id
@_task
@click.option("-f", "--follow", is_flag=True, help="Go on until the run has ended, and exit with its result.")
@with_workspace
def logs(run_id: int, task: str | None, follow: bool, target: str | None, profile: str | None) -> None:
    """Print what the tasks of run RUN_ID printed, and why they failed."""
    from brickyard.plan import run_queries
    from brickyard.plan.runs import look

    connection = connection_for(target, profile)
    if follow:
        from brickyard.cli.following import follow_to_end

        follow_to_end(connection, run_id, f"run {run_id}", f"`brickyard runs repair {run_id}` runs what failed again")
        return
    for one in run_queries.task_of(look(connection, run_id), task):
        _print_output(one, run_queries.logs(connection, one), alone=task is not None)


def _print_output(task: TaskState, output: dict[str, object], *, alone: bool) -> None:
    if not alone:
        click.echo(click.style(f"{task.key} ({task.word})", bold=True))
    if output.get("logs"):
        click.echo(str(output["logs"]).rstrip("\n"))
    notebook = output.get("notebook_output")
    if isinstance(notebook, dict) and notebook.get("result"):
        click.echo(f"result: {notebook['result']}")
    for name in ("error", "error_trace"):
        if output.get(name):
            click.echo(str(output[name]).rstrip(), err=True)


@runs.command(short_help="Write the notebooks of a run with their results.")
@_run_id
@_task
@click.option("-d", "--directory", type=click.Path(path_type=Path), default=Path(), help="Where; by default, here.")
@click.option(
    "--format", "form", type=click.Choice(["html", "ipynb"]), default="html", help="As pages, or for Jupyter."
)
@with_workspace
def export(run_id: int, task: str | None, directory: Path, form: str, target: str | None, profile: str | None) -> None:
    """Write the notebooks of run RUN_ID as files, with the results of their cells.

    Notebooks that a task ran with `dbutils.notebook.run` are written, too.
    """
    from brickyard.errors import UsageError
    from brickyard.plan import run_queries
    from brickyard.plan.runs import look

    connection = connection_for(target, profile)
    written = 0
    for one in run_queries.task_of(look(connection, run_id), task):
        for number, (name, content) in enumerate(run_queries.exported(connection, one, form)):
            directory.mkdir(parents=True, exist_ok=True)
            inner = f"-{number}" if number else ""
            path = directory / f"{one.key}{inner}-{name.replace('/', '_')}.{form}"
            path.write_text(content, encoding="utf-8")
            click.echo(str(path))
            written += 1
    if not written:
        raise UsageError("the run has no notebooks to export", where=f"run {run_id}", next="`brickyard runs logs`")


@runs.command(short_help="Run what failed in a run again.")
@_run_id
@click.option("--task", "tasks", multiple=True, metavar="KEY", help="Run this task again; may be repeated.")
@click.option("--dependents", is_flag=True, help="With what comes after these tasks, also if it succeeded.")
@click.option("--no-wait", is_flag=True, help="Do not follow the run.")
@with_workspace
def repair(
    run_id: int, tasks: tuple[str, ...], dependents: bool, no_wait: bool, target: str | None, profile: str | None
) -> None:
    """Run the failed tasks of run RUN_ID again, with the job's settings of now."""
    from brickyard.cli.following import follow_to_end
    from brickyard.plan import run_queries

    connection = connection_for(target, profile)
    number = run_queries.repair(connection, run_id, tasks, dependents=dependents)
    click.echo(f"repair {number} of run {run_id} is started")
    if not no_wait:
        follow_to_end(connection, run_id, f"run {run_id}", "the trace is above; correct the cause, and repair it again")


@runs.command(short_help="Cancel a run.")
@_run_id
@with_workspace
def cancel(run_id: int, target: str | None, profile: str | None) -> None:
    """Cancel run RUN_ID, and wait until it has ended."""
    from brickyard.plan.runs import cancel as cancel_run

    result: RunResult = cancel_run(connection_for(target, profile), run_id)
    click.echo(f"{coloured(result.run.word)} run {run_id}")
