"""`brickyard score`: rows through a model into a Delta table."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from brickyard.cli.place import project_root
from brickyard.errors import UsageError

if TYPE_CHECKING:
    from brickyard.plan.connect import Connection
    from brickyard.project import Project
    from brickyard.scoring.batch import BatchResult, BatchScoring

__all__ = ["score", "task"]

_SHOW_SECONDS = 0.2


def _names(context: click.Context, parameter: click.Parameter, value: str | None) -> tuple[str, ...] | None:
    return None if value is None else tuple(name.strip() for name in value.split(",") if name.strip())


@click.command()
@click.argument("model_key", metavar="[MODEL]", required=False)
@click.option("-t", "--target", metavar="TARGET", help="The project's target; by default the default one.")
@click.option("-p", "--profile", metavar="NAME", help="The workspace's profile, for scoring without a project.")
@click.option("--model", "model_uri", metavar="URI", help="models:/CATALOG.SCHEMA.MODEL@ALIAS or .../VERSION.")
@click.option("--input", metavar="TABLE", help="The table with the rows.")
@click.option("--version", type=click.IntRange(0), metavar="N", help="The table's version; by default the newest.")
@click.option(
    "--since", type=click.IntRange(0), metavar="N", help="Only rows that versions from N on added or changed."
)
@click.option("--query", metavar="SQL", help="A query that gives the rows, instead of a table.")
@click.option("--warehouse", metavar="NAME", help="The SQL warehouse of the query, by name or id.")
@click.option("--output", metavar="TABLE", help="Where the predictions go; made where it is missing.")
@click.option("--keys", metavar="COLUMNS", callback=_names, help="Columns that identify a row, separated by commas.")
@click.option("--columns", metavar="COLUMNS", callback=_names, help="Further columns to keep; '*' keeps all.")
@click.option(
    "--mode",
    type=click.Choice(["merge", "append", "overwrite", "incremental"]),
    help="merge (the default) replaces rows with known keys and adds others; append adds all; overwrite replaces all; "
    "incremental scores what this version has not scored, and merges it.",
)
@click.option(
    "--leakage",
    type=click.Choice(["report", "refuse", "off"]),
    help="What to do with rows that the model was trained on; report is the default.",
)
def score(model_key: str | None, target: str | None, profile: str | None, model_uri: str | None, **given: Any) -> None:
    """Score rows with a model into a Delta table.

    MODEL is a key under `models` in brickyard.yml; its live version scores as `scoring` says there, and options replace
    single settings. Without a project, give --model, --input (or --query) and --output, and --keys for the modes
    that need them. The output has the keys, the columns kept, the prediction, and the model's name, version and run
    and the time of scoring. It is written in one commit, and scoring the same input with the same version again changes
    nothing.
    """
    from brickyard.scoring.batch import score_table
    from brickyard.scoring.memory import keep_freed_memory

    keep_freed_memory()  # of the whole process, so not where others call `score_table`
    given = {name: value for name, value in given.items() if value is not None}
    connection, job = _job(model_key, target, profile, model_uri, given)
    _show(job, score_table(connection, job, _progress()))


def task() -> None:
    """The same for a `python_wheel_task`: its named parameters are the options, and errors fail the task."""
    _sign_in()
    score.main(standalone_mode=False)


def _sign_in() -> None:
    """Commands take the workspace from the environment; on a cluster of the vendor's only the SDK knows it."""
    if "DATABRICKS_RUNTIME_VERSION" not in os.environ or "DATABRICKS_HOST" in os.environ:
        return
    from databricks.sdk.core import Config

    config = Config()
    token = config.authenticate().get("Authorization", "").removeprefix("Bearer ")
    os.environ |= {"DATABRICKS_HOST": str(config.host), "DATABRICKS_TOKEN": token}


def _job(
    model_key: str | None, target: str | None, profile: str | None, model_uri: str | None, given: dict[str, Any]
) -> tuple[Connection, BatchScoring]:
    from brickyard.cli.options import connection_for
    from brickyard.plan.connect import connect_to
    from brickyard.project import load_project
    from brickyard.scoring.batch import BatchScoring

    if model_key is None and model_uri and "output" in given and given.keys() & {"input", "query"}:
        return connection_for(target, profile), BatchScoring(model_uri, given.pop("input", None), **given)
    root = project_root()
    if not (root / "databricks.yml").is_file():
        raise UsageError(
            "there is no project here that says what to score",
            next="change into the project's directory, or give --model, --input or --query, and --output",
        )
    project = load_project(root, target, environ=os.environ)
    settings = {"model_uri": model_uri} if model_uri else {}
    return connect_to(project.workspace), BatchScoring(**_settings(project, model_key, given) | settings)


def _settings(project: Project, key: str | None, given: dict[str, Any]) -> dict[str, Any]:
    """What the project says, with what the command line says instead."""
    if key is None and len(project.models) == 1:
        key = next(iter(project.models))
    if key is None or key not in project.models:
        known = ", ".join(project.models) or "none is declared"
        what = f"there is no model '{key}'" if key else "it is not said which model scores"
        raise UsageError(what, where="brickyard.yml", next=f"one of: {known}")
    policy = project.models[key]
    if policy.scoring is None and not ("output" in given and given.keys() & {"input", "query"}):
        raise UsageError(
            f"the model '{key}' has no `scoring`",
            where="brickyard.yml",
            next="add `scoring` with input, output and keys, or give --input, --output and --keys",
        )
    scoring = policy.scoring
    declared = {name: getattr(scoring, name) for name in scoring.__dataclass_fields__} if scoring else {"input": None}
    if "input" in given:
        declared |= {"query": None, "warehouse": None}
    if "query" in given:
        declared["input"] = None
    return {"model_uri": f"models:/{policy.name}@{policy.alias}", **declared, **given}


def _progress() -> Callable[[int, int | None], None]:
    """A line that is written over on a terminal; nothing elsewhere, where the summary says enough."""
    begun = shown = time.monotonic()
    if not sys.stderr.isatty():
        return lambda rows, total: None

    def show(rows: int, total: int | None) -> None:
        nonlocal shown
        now = time.monotonic()
        if now - shown < _SHOW_SECONDS and rows != total:
            return
        shown = now
        click.echo(f"\r{progress_line(rows, total, now - begun)}\x1b[K", err=True, nl=rows == total)

    return show


def progress_line(rows: int, total: int | None, seconds: float) -> str:
    """Say how far it is, how fast, and how long it will take."""
    rate = rows / max(seconds, 1e-9)
    if total is None:
        return f"{rows:,} rows, {rate:,.0f} rows/s"
    left = max(total - rows, 0) / max(rate, 1e-9)
    minutes, rest = divmod(round(left), 60)
    return f"{rows:,} of {total:,} rows, {rate:,.0f} rows/s, {minutes}:{rest:02} left"


def _show(job: BatchScoring, result: BatchResult) -> None:
    model = f"{result.source.name} version {result.source.version}"
    if result.output_version is None:
        click.echo(f"nothing to do: {result.what} has no rows")
        return
    if not result.changed and job.mode == "append":
        # Rows that somebody has deleted since then do not come back by this.
        click.echo(f"nothing to do: {result.what} by {model} was added to {job.output} by an earlier run")
        return
    if not result.changed:
        click.echo(f"nothing to do: {job.output} (version {result.output_version}) has {result.what} by {model}")
        return
    rate = result.rows / max(result.seconds, 1e-9)
    click.echo(
        f"scored {result.rows:,} rows of {result.what}\n"
        f"  with {model}\n"
        f"  into {job.output} (version {result.output_version})\n"
        f"  in {result.seconds:.1f} s, {rate:,.0f} rows/s"
    )
    if result.leakage is not None:
        click.echo(_leakage(result))


def _leakage(result: BatchResult) -> str:
    check = result.leakage
    assert check is not None
    lines = [f"  not compared with all training data: {reason}" for reason in check.unknown]
    if check.compared:
        of = ", ".join(check.compared)
        share = f"{check.rows:,} of these rows were" if check.rows else "none of these rows was"
        lines.insert(0, f"  {'LEAKAGE: ' if check.rows else ''}{share} in the training data: {of}")
    return "\n".join(lines)
