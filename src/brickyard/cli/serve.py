"""`brickyard serve`: a model over HTTP, by MLflow's scoring protocol."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from brickyard.cli.options import connection_for

if TYPE_CHECKING:
    pass

__all__ = ["serve"]


@click.command()
@click.argument("model_uri")
@click.option("--port", type=click.IntRange(0, 65535), default=5001, show_default=True, help="0 takes a free port.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("-t", "--target", metavar="TARGET", help="The project's target whose workspace has the model.")
@click.option("-p", "--profile", metavar="NAME", help="The profile of the workspace that has the model.")
def serve(model_uri: str, port: int, host: str, target: str | None, profile: str | None) -> None:
    """Serve MODEL_URI over HTTP until Ctrl-C or SIGTERM.

    MODEL_URI is a directory, models:/CATALOG.SCHEMA.MODEL@ALIAS, models:/CATALOG.SCHEMA.MODEL/VERSION or
    runs:/RUN_ID/PATH. POST rows to /invocations; GET /ping, /health and /version answer too. The protocol is
    that of `mlflow models serve`; there is no authentication, so keep it on an address that only you can reach.
    """
    from brickyard.scoring.threads import cap_threads

    cap_threads()
    from brickyard.scoring.online import listen
    from brickyard.scoring.online import serve as serve_model

    with listen(host, port) as listener:
        path = _local(model_uri, target, profile)
        from brickyard.scoring.model import load_model

        model = load_model(path)
        address = f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}"
        serve_model(model, listener, on_ready=lambda: _show(model_uri, address, model.rung))


def _local(model_uri: str, target: str | None, profile: str | None) -> Path | str:
    from brickyard.scoring.source import fetch, is_remote

    if not is_remote(model_uri):
        return model_uri
    click.echo(f"fetching {model_uri}", err=True)
    return fetch(model_uri, connection_for(target, profile))


def _show(model_uri: str, address: str, rung: str) -> None:
    click.echo(f"serving {model_uri} at {address}/invocations ({rung})")
