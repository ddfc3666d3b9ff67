"""`brickyard doctor`: what works on this machine."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from brickyard.workspace.doctor import Diagnosis

__all__ = ["doctor"]


@click.command()
@click.option("--workspace", metavar="NAME", help="The workspace whose default engine must work; without it, Sail.")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", help="How to print the answer.")
@click.pass_context
def doctor(context: click.Context, workspace: str | None, output: str) -> None:
    """Say which Spark engines work here, their versions, and what is missing.

    Exits with 0 when the default engine works, and with 1 otherwise.
    """
    from brickyard.workspace.doctor import examine

    found = examine(workspace)
    if output == "json":
        click.echo(json.dumps(asdict(found), indent=2))
    else:
        _show(found)
    context.exit(0 if found.works else 1)


def _show(found: Diagnosis) -> None:
    width = max(len(one.name) for one in found.findings)
    for one in found.findings:
        sign = click.style("ok", fg="green") if one.works else click.style("--", fg="yellow")
        default = " (default)" if one.name == f"engine {found.default}" else ""
        click.echo(f"{sign}  {one.name:<{width}}  {one.found}{default}")
        if one.next:
            click.echo(f"    {'':<{width}}  {one.next}")
