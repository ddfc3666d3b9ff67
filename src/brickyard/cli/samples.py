"""`brickyard workspace samples`: sample data as Azure Databricks has it."""

from __future__ import annotations

import json

import click

__all__ = ["samples"]

_SCHEMAS = ("nyctaxi", "nycflights")
_output = click.option(
    "-o", "--output", type=click.Choice(["text", "json"]), default="text", help="How to print the answer."
)


@click.group(short_help="Install, list and remove sample data.")
def samples() -> None:
    """Install, list and remove sample data.

    The catalog `samples` has the tables that notebooks of the vendor's documentation read: samples.nyctaxi.trips
    (also the files dbfs:/databricks-datasets/nyctaxi-with-zipcodes/subsampled), and flights, weather, planes, airports
    and airlines in samples.nycflights. Everybody may read them.
    """


@samples.command("install", short_help="Put the samples into workspace NAME.")
@click.argument("name")
@click.option("--only", type=click.Choice(_SCHEMAS), multiple=True, help="Only this schema; may be repeated.")
@_output
def install_samples(name: str, only: tuple[str, ...], output: str) -> None:
    """Put the samples into workspace NAME, which must run; what is there already stays."""
    from brickyard.workspace import process
    from brickyard.workspace.samples import install, installed

    layout = process.existing(name)
    for written in install(layout, only):
        click.echo(f"writing {written}", err=True)
    _show(installed(layout), output)


@samples.command("list")
@click.argument("name")
@_output
def list_samples(name: str, output: str) -> None:
    """List the sample tables of workspace NAME, which must run."""
    from brickyard.workspace import process
    from brickyard.workspace.samples import installed

    _show(installed(process.existing(name)), output)


@samples.command("remove")
@click.argument("name")
@_output
def remove_samples(name: str, output: str) -> None:
    """Take the samples out of workspace NAME, which must run."""
    from brickyard.workspace import process
    from brickyard.workspace.samples import remove

    there = remove(process.existing(name))
    if output == "json":
        click.echo(json.dumps({"removed": there}))
    else:
        click.echo("samples  deleted" if there else "no samples")


def _show(tables: list[str], output: str) -> None:
    if output == "json":
        click.echo(json.dumps({"tables": tables}, indent=2))
    else:
        click.echo("\n".join(tables) or "no samples")
