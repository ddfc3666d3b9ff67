"""`brickyard workspace run-notebook`: run a notebook that is a file here."""

from __future__ import annotations

from pathlib import Path

import click

from brickyard.cli.options import connection_for, pairs, with_workspace

__all__ = ["run_notebook"]


@click.command("run-notebook", short_help="Run a notebook that is a file here.")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--param", "parameters", multiple=True, metavar="NAME=VALUE", help="A widget's value; may be repeated.")
@click.option("--alone", is_flag=True, help="Upload only the notebook, not the files beside it.")
@click.option("--cluster", metavar="ID", help="The cluster to run on; by default a job cluster.")
@with_workspace
def run_notebook(
    path: Path,
    parameters: tuple[str, ...],
    alone: bool,
    cluster: str | None,
    target: str | None,
    profile: str | None,
) -> None:
    """Run the notebook PATH, follow it live, exit with its result.

    It needs no job. The files of its directory go with it, so that `%run ./other` and imports work; what .gitignore
    leaves out stays here. The workspace is that of --profile, else of the project here, else of DATABRICKS_HOST.
    """
    from brickyard.cli.following import follow_to_end
    from brickyard.plan.notebook_runs import submit_notebook

    connection = connection_for(target, profile)
    given = pairs(parameters, "--param")
    run = submit_notebook(connection, path, given, alone=alone, cluster_id=cluster)
    try:
        follow_to_end(
            connection, run.run_id, f"'{path.name}'", "the trace is above; correct the notebook, and run it again"
        )
    finally:
        run.forget()
