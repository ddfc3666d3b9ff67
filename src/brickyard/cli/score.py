"""`brickyard score`: a table through a model into a Delta table."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from brickyard.cli.place import project_root
from brickyard.errors import UsageError

if TYPE_CHECKING:
    from brickyard.plan.connect import Connection
    from brickyard.scoring.batch import BatchResult, BatchScoring

__all__ = ["score"]


@click.command()
@click.argument("model_key", metavar="[MODEL]", required=False)
@click.option("-t", "--target", metavar="TARGET", help="The project's target; by default the default one.")
@click.option("-p", "--profile", metavar="NAME", help="The workspace's profile, for scoring without a project.")
@click.option("--model", "model_uri", metavar="URI", help="models:/CATALOG.SCHEMA.MODEL@ALIAS or .../VERSION.")
@click.option("--input", "input_table", metavar="TABLE", help="The table with the rows.")
@click.option("--output", "output_table", metavar="TABLE", help="Where the predictions go; made where it is missing.")
@click.option("--keys", metavar="COLUMNS", help="The columns that identify a row, separated by commas.")
def score(
    model_key: str | None,
    target: str | None,
    profile: str | None,
    model_uri: str | None,
    input_table: str | None,
    output_table: str | None,
    keys: str | None,
) -> None:
    """Score a table with a model into a Delta table.

    MODEL is a key under `models` in brickyard.yml; its live version scores as `scoring` says there, and options replace
    single settings. Without a project, give --model, --input, --output and --keys. The output has the keys, the
    prediction, and the model's name, version and run and the time of scoring. Scoring the same input with the
    same version again changes nothing.
    """
    from brickyard.scoring.batch import score_table

    given = (model_uri, input_table, output_table, tuple(keys.split(",")) if keys else None)
    connection, job = _job(model_key, target, profile, given)
    result = score_table(connection, job, _progress())
    _show(job, result)


_Given = tuple[str | None, str | None, str | None, tuple[str, ...] | None]


def _job(
    model_key: str | None, target: str | None, profile: str | None, given: _Given
) -> tuple[Connection, BatchScoring]:
    from brickyard.cli.options import connection_for
    from brickyard.plan.connect import connect_to
    from brickyard.project import load_project
    from brickyard.scoring.batch import BatchScoring

    model, source, output, keys = given
    if model and source and output and keys:
        return connection_for(target, profile), BatchScoring(model, source, output, keys)
    root = project_root()
    if not (root / "databricks.yml").is_file():
        raise UsageError(
            "there is no project here that says what to score",
            next="change into the project's directory, or give --model, --input, --output and --keys",
        )
    project = load_project(root, target, environ=os.environ)
    if model_key is None and len(project.models) == 1:
        model_key = next(iter(project.models))
    if model_key is None or model_key not in project.models:
        known = ", ".join(project.models) or "none is declared"
        what = f"there is no model '{model_key}'" if model_key else "it is not said which model scores"
        raise UsageError(what, where="brickyard.yml", next=f"one of: {known}")
    policy = project.models[model_key]
    scoring = policy.scoring
    if scoring is None and not (source and output and keys):
        raise UsageError(
            f"the model '{model_key}' has no `scoring`",
            where="brickyard.yml",
            next="add `scoring` with input, output and keys, or give --input, --output and --keys",
        )
    job = BatchScoring(
        model or f"models:/{policy.name}@{policy.alias}",
        source or (scoring.input if scoring else ""),
        output or (scoring.output if scoring else ""),
        keys or (scoring.keys if scoring else ()),
    )
    return connect_to(project.workspace), job


def _progress() -> Callable[[int, int], None]:
    """A line that is written over on a terminal; nothing elsewhere, where the summary says enough."""
    begun = time.monotonic()
    if not sys.stderr.isatty():
        return lambda rows, total: None

    def show(rows: int, total: int) -> None:
        rate = rows / max(time.monotonic() - begun, 1e-9)
        click.echo(f"\r{rows:,} of {total:,} rows, {rate:,.0f} rows/s ", err=True, nl=rows >= total)

    return show


def _show(job: BatchScoring, result: BatchResult) -> None:
    model = f"{result.source.name} version {result.source.version}"
    rows_read = f"{job.input} (version {result.input_version})"
    if result.output_version is None:
        click.echo(f"nothing to do: {rows_read} has no rows")
        return
    if not result.changed:
        click.echo(f"nothing to do: {job.output} (version {result.output_version}) has {rows_read} by {model}")
        return
    rate = result.rows / max(result.seconds, 1e-9)
    click.echo(
        f"scored {result.rows:,} rows of {rows_read}\n"
        f"  with {model}\n"
        f"  into {job.output} (version {result.output_version})\n"
        f"  in {result.seconds:.1f} s, {rate:,.0f} rows/s"
    )
