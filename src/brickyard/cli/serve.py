"""`brickyard serve`: a model over HTTP, by MLflow's scoring protocol."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import unquote, urlsplit

import click

from brickyard.cli.options import connection_for
from brickyard.errors import ModelError

__all__ = ["serve"]

# MLflow's own name for it, and its default.
_TIMEOUT_VARIABLE, _TIMEOUT_SECONDS = "MLFLOW_SCORING_SERVER_REQUEST_TIMEOUT", 60


@click.command()
@click.argument("model_uri")
@click.option("--port", type=click.IntRange(0, 65535), default=5001, show_default=True, help="0 takes a free port.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--workers", type=click.IntRange(1, 256), default=1, show_default=True, help="Processes that answer.")
@click.option(
    "--timeout",
    type=click.FloatRange(0.001),
    default=_TIMEOUT_SECONDS,
    envvar=_TIMEOUT_VARIABLE,
    show_default=True,
    show_envvar=True,
    metavar="SECONDS",
    help="How long a prediction may take, with its time in the queue.",
)
@click.option("--queue", type=click.IntRange(1), default=1024, show_default=True, help="Requests that may wait.")
@click.option("--max-body", type=click.IntRange(1), default=64, show_default=True, metavar="MIB", help="Of a request.")
@click.option("-t", "--target", metavar="TARGET", help="The project's target whose workspace has the model.")
@click.option("-p", "--profile", metavar="NAME", help="The profile of the workspace that has the model.")
def serve(
    model_uri: str,
    port: int,
    host: str,
    workers: int,
    timeout: float,
    queue: int,
    max_body: int,
    target: str | None,
    profile: str | None,
) -> None:
    """Serve MODEL_URI over HTTP until Ctrl-C or SIGTERM.

    MODEL_URI is a directory, models:/CATALOG.SCHEMA.MODEL@ALIAS, models:/CATALOG.SCHEMA.MODEL/VERSION or
    runs:/RUN_ID/PATH. Without a target or profile, MLFLOW_TRACKING_URI may name another MLflow server that has it.
    POST rows to /invocations; GET /ping, /health, /version and /metrics answer too. The protocol is that of
    `mlflow models serve`; there is no authentication, so keep it on an address that only you can reach.
    """
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    from brickyard.scoring.threads import cap_threads

    cap_threads()
    from brickyard.scoring.online import Limits, forks_when_loaded, listen, serve_by_workers

    limits = Limits(request_seconds=timeout, queue=queue, body_bytes=max_body << 20)
    listeners = listen(host, port, sockets=workers)
    path = _local(model_uri, target, profile)
    from brickyard.scoring.model import load_model

    address = f"http://{f'[{host}]' if ':' in host else host}:{listeners[0].getsockname()[1]}"
    serve_by_workers(
        lambda: load_model(path),
        listeners,
        limits=limits,
        fork_when_loaded=forks_when_loaded(path),
        on_ready=lambda rung: click.echo(f"serving {model_uri} at {address}/invocations ({rung})"),
    )


def _local(model_uri: str, target: str | None, profile: str | None) -> Path:
    from brickyard.scoring.source import fetch, is_remote

    if not is_remote(model_uri):
        return Path(unquote(urlsplit(model_uri).path)) if model_uri.startswith("file:") else Path(model_uri)
    click.echo(f"fetching {model_uri}", err=True)
    other = os.environ.get("MLFLOW_TRACKING_URI", "")
    if other and not other.startswith("databricks") and not (target or profile):
        return _of_other_server(model_uri)
    return fetch(model_uri, connection_for(target, profile))


def _of_other_server(model_uri: str) -> Path:
    import mlflow

    try:
        return Path(mlflow.artifacts.download_artifacts(artifact_uri=model_uri))
    except (mlflow.exceptions.MlflowException, OSError) as error:
        raise ModelError(f"the model could not be fetched: {error}", where=model_uri) from error
