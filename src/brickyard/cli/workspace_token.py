"""`brickyard workspace token`: what a client signs in with."""

from __future__ import annotations

import json

import click

__all__ = ["token"]

_output = click.option(
    "-o", "--output", type=click.Choice(["text", "json"]), default="text", help="How to print the answer."
)


class _ShowByDefault(click.Group):
    """`token NAME` is `token show NAME`."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; what is none is a workspace's name."""
        known = args[0] in self.commands or args[0].startswith("-")
        return super().resolve_command(ctx, args if known else ["show", *args])


@click.group(cls=_ShowByDefault, short_help="Print the owner's token, or make another.")
def token() -> None:
    """Print the owner's token (`token NAME`), or make another (`token create NAME`)."""


@token.command()
@click.argument("name")
@_output
def show(name: str, output: str) -> None:
    """Print the token of the owner of workspace NAME."""
    from brickyard.errors import WorkspaceProcessError
    from brickyard.workspace import process

    value = process.status(name).token
    if value is None:
        raise WorkspaceProcessError(
            f"the workspace {name!r} has no owner's token",
            next=f"`brickyard workspace start {name}` makes one",
        )
    click.echo(json.dumps({"token_value": value}, indent=2) if output == "json" else value)


@token.command()
@click.argument("name")
@click.option("--comment", default="", help="What the token is for.")
@click.option("--lifetime", type=click.IntRange(1), metavar="SECONDS", help="For how long it is accepted.")
@_output
def create(name: str, comment: str, lifetime: int | None, output: str) -> None:
    """Make another token for the owner of workspace NAME, and print it."""
    from brickyard.workspace import local_api, process

    body = {"comment": comment} | ({} if lifetime is None else {"lifetime_seconds": lifetime})
    made = local_api.call(process.existing(name), "POST", "/api/2.0/token/create", body)
    click.echo(json.dumps(made, indent=2) if output == "json" else made["token_value"])
