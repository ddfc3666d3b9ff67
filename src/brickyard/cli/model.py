"""`brickyard model`: the life of a model version."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from brickyard.cli.place import project_root
from brickyard.errors import UsageError

if TYPE_CHECKING:
    from brickyard.models.site import Site
    from brickyard.project import Project

__all__ = ["model"]

_output = click.option(
    "-o", "--output", type=click.Choice(["text", "json"]), default="text", help="How to print the answer."
)
_target = click.option("-t", "--target", metavar="ENVIRONMENT", help="The environment; by default the first one.")
_to = click.option("--to", metavar="ENVIRONMENT", required=True, help="The environment that it goes to.")
_message = click.option("-m", "--message", metavar="TEXT", default="", help="A reason, kept in the history.")


@click.group()
def model() -> None:
    """Evaluate, promote, approve and roll back model versions.

    MODEL is a key under `models` in brickyard.yml; environments are those of brickyard.yml, in their order.
    What is decided is written to the registry itself, with who, when and on which data.
    """


@model.command(short_help="Judge a version of MODEL by its gate.")
@click.argument("model_key", metavar="MODEL")
@_target
@click.option("--version", metavar="N", help="The version to judge.")
@click.option("--alias", metavar="NAME", help="Judge the version with this alias; by default the candidate alias.")
@_output
def evaluate(model_key: str, target: str | None, version: str | None, alias: str | None, output: str) -> None:
    """Judge a version of MODEL by its gate, next to the champion on the same rows.

    Exit code 8 if the gate refuses. The evidence is written to the version either way; nothing moves.
    """
    from brickyard.cli.model_text import evaluation_text
    from brickyard.models.evaluate import choose_version, require_pass
    from brickyard.models.evaluate import evaluate as judge

    if version and alias:
        raise UsageError("--version and --alias both name the version to judge", next="give one of them")
    _cap_threads()
    site = _site(model_key, target)
    evaluation = judge(site, choose_version(site, version, alias))
    _print(evaluation_text(evaluation), asdict(evaluation), output)
    require_pass(evaluation, site)


@model.command()
@click.argument("model_key", metavar="MODEL")
@click.option("--from", "source", metavar="ENVIRONMENT", help="By default what `promote_from` says.")
@_to
@click.option("--version", metavar="N", help="The version where it comes from; by default what is live there.")
@_output
def promote(model_key: str, source: str | None, to: str, version: str | None, output: str) -> None:
    """Make a version of MODEL live in an environment.

    In the first environment the candidate becomes the live version, once its gate has passed. From one
    environment to the next the exact files are copied, their hash is compared, and after the approvals that the
    environment asks for the live alias moves. Exit code 8: the gate refused; 9: approvals are missing.
    """
    from brickyard.cli.model_text import promotion_text
    from brickyard.models.opening import environment_named, open_site
    from brickyard.models.promote import check_order
    from brickyard.models.promote import promote as move

    _cap_threads()
    project = _project()
    goal = environment_named(project, to)
    begin = environment_named(project, source or goal.promote_from or goal.name)
    check_order(begin, goal, model_key)
    target_site = open_site(project, model_key, goal)
    source_site = target_site if begin == goal else open_site(project, model_key, begin)
    promotion = move(source_site, target_site, version)
    _print(promotion_text(promotion, target_site), asdict(promotion), output)


@model.command(short_help="Approve that a version of MODEL becomes live.")
@click.argument("model_key", metavar="MODEL")
@_to
@click.option("--version", metavar="N", required=True, help="The version in that environment.")
@_message
@_output
def approve(model_key: str, to: str, version: str, message: str, output: str) -> None:
    """Approve that a version of MODEL becomes live, in your name; then promote again."""
    from brickyard.cli.model_text import approval_text
    from brickyard.models.approve import approve as give

    site = _site(model_key, to)
    approved = give(site, version, message)
    _print(approval_text(approved, site), asdict(approved), output)


@model.command()
@click.argument("model_key", metavar="MODEL")
@_target
@click.option("--to-version", metavar="N", help="A version that was live; by default the one before.")
@_message
@_output
def rollback(model_key: str, target: str | None, to_version: str | None, message: str, output: str) -> None:
    """Make the version of MODEL live again that was live before.

    Each rollback goes one version further back. One that was interrupted before it could say what it did is
    completed by the same command, and goes no further; with --to-version the command can always be repeated.
    """
    from brickyard.cli.model_text import rollback_text
    from brickyard.models.rollback import RolledBack
    from brickyard.models.rollback import rollback as back

    site = _site(model_key, target)

    def tell(done: RolledBack) -> None:
        _print(rollback_text(done, site), asdict(done.event) | {"resumed": done.resumed}, output)

    back(site, to_version, message, tell)


@model.command(short_help="Try a version of MODEL on its endpoint.")
@click.argument("model_key", metavar="MODEL")
@_target
@click.option("--version", metavar="N", help="The version to try; by default the one with the candidate alias.")
@click.option("--abort", is_flag=True, help="Take back the version that is being tried, or that was left by a kill.")
@_output
def rollout(model_key: str, target: str | None, version: str | None, abort: bool, output: str) -> None:
    """Try a version of MODEL on its endpoint, step by step, as `rollout` in brickyard.yml says.

    Exit code 13 if it was taken back: too many errors, too slow, other predictions, or too few requests to judge it.
    An endpoint with a version number serves the new one when it has passed; one that follows an alias goes on with
    what the alias names, so promote the version then.
    """
    from brickyard.cli.model_text import rollout_text
    from brickyard.models import rollout as rollouts
    from brickyard.models.evaluate import choose_version

    site = _site(model_key, target)
    if abort:
        version = rollouts.abort(site, lambda text: click.echo(text, err=True))
        _print(
            f"version {version} is not tried any more" if version else "no version is tried",
            {"aborted": version},
            output,
        )
        return
    before = signal.signal(
        signal.SIGTERM, signal.default_int_handler
    )  # a pipeline that is cancelled takes it back, too
    try:
        done = rollouts.roll_out(site, choose_version(site, version), lambda text: click.echo(text, err=True))
    finally:
        signal.signal(signal.SIGTERM, before)
    _print(rollout_text(done, site), asdict(done), output)


@model.command(short_help="Show which version of MODEL was live when, and why.")
@click.argument("model_key", metavar="MODEL")
@_target
@_output
def history(model_key: str, target: str | None, output: str) -> None:
    """Show which version of MODEL was live when, who decided, and where it came from."""
    from brickyard.cli.model_text import history_text
    from brickyard.models.status import history as read

    site = _site(model_key, target)
    events = read(site)
    _print(history_text(events, site), [asdict(event) for event in events], output)


@model.command(short_help="Show the versions of MODEL in every environment.")
@click.argument("model_key", metavar="MODEL")
@click.option("-t", "--target", metavar="ENVIRONMENT", help="Only this environment; by default all of them.")
@_output
def status(model_key: str, target: str | None, output: str) -> None:
    """Show the versions of MODEL in every environment: aliases, gate, approvals.

    An environment whose workspace does not answer is shown as such, and the exit code is 4.
    """
    from brickyard.cli.model_text import status_text
    from brickyard.models.opening import environment_named, first_environment, open_site
    from brickyard.models.status import all_statuses

    project = _project()
    first_environment(project)
    chosen = [environment_named(project, target)] if target else list(project.environments)
    found, failed = all_statuses(chosen, lambda environment: open_site(project, model_key, environment))
    answer: Sequence[Any] = [asdict(one) for one in found]
    _print(status_text(model_key, found), answer, output)
    if failed:
        raise failed[0]


def _project() -> Project:
    from brickyard.project import load_project

    return load_project(project_root(), environ=os.environ)


def _site(model_key: str, environment: str | None) -> Site:
    from brickyard.models.opening import environment_named, first_environment, open_site

    project = _project()
    chosen = environment_named(project, environment) if environment else first_environment(project)
    return open_site(project, model_key, chosen)


def _cap_threads() -> None:
    """Before numpy is imported: waiting OpenMP threads would spin beside the workspaces."""
    from brickyard.scoring.threads import cap_threads

    cap_threads()


def _print(text: str, data: Any, output: str) -> None:
    click.echo(json.dumps(data, indent=2) if output == "json" else text)
