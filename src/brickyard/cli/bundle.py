"""`brickyard validate | plan | deploy | run | destroy`: a project and the workspace of its target."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from brickyard.cli.following import follow_to_end
from brickyard.cli.options import pairs
from brickyard.cli.place import project_root
from brickyard.cli.render import duration, plan_line, table
from brickyard.errors import DeploymentError

if TYPE_CHECKING:
    from brickyard.plan.definition import Plan, ResourceChange
    from brickyard.plan.deploy import Deployment
    from brickyard.project import Project

__all__ = ["deploy", "destroy", "plan", "run", "validate"]


def _with_target(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that choose what is worked on."""
    command = click.option("-t", "--target", help="The target; by default the one marked `default: true`.")(command)
    return click.option("--var", "variables", multiple=True, metavar="NAME=VALUE", help="Set a variable.")(command)


def _load(target: str | None, variables: tuple[str, ...]) -> Project:
    from brickyard.project import load_project

    return load_project(project_root(), target, pairs(variables, "--var"), os.environ)


def _connect(target: str | None, variables: tuple[str, ...]) -> Deployment:
    project = _load(target, variables)
    from brickyard.plan.deploy import Deployment

    return Deployment.of(project)


def _say(line: str) -> None:
    click.echo(f"  {line}")


@click.command()
@_with_target
@click.option("--strict", is_flag=True, help="Treat warnings as faults.")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", help="`json` prints the project.")
def validate(target: str | None, variables: tuple[str, ...], strict: bool, output: str) -> None:
    """Check the project's files; every fault with file and line."""
    begin = time.monotonic()
    project = _load(target, variables)
    if strict and project.warnings:
        from brickyard.project import ProjectFaults

        raise ProjectFaults(project.warnings)
    for warning in project.warnings:
        click.echo(f"warning: {warning}", err=True)
    if output == "json":
        click.echo(json.dumps(_as_data(project), indent=2))
        return
    counts = Counter(resource.type for resource in project.resources)
    what = ", ".join(f"{count} {_counted(name, count)}" for name, count in counts.items()) or "no resources"
    where = project.workspace.host or f"profile {project.workspace.profile or 'of the environment'}"
    rows = [
        ("bundle", project.bundle_name),
        ("target", project.target + (f" ({project.mode})" if project.mode else "")),
        ("workspace", f"{where}, {project.workspace.root_path}"),
        ("resources", what),
    ]
    if project.environments:
        rows.append(("environments", " -> ".join(item.name for item in project.environments)))
    if project.models:
        rows.append(("models", ", ".join(f"{item.key} ({item.name})" for item in project.models.values())))
    for line in table(rows):
        click.echo(line)
    click.echo(f"\nthe project is valid ({duration(time.monotonic() - begin)})")


def _counted(type_name: str, count: int) -> str:
    """A type's name for one or many: `1 schema`, `2 registered models`."""
    words = type_name.replace("_", " ")
    return words.removesuffix("s") if count == 1 else words


def _as_data(project: Project) -> dict[str, Any]:
    """The resolved project in the layout of `databricks.yml`."""
    import dataclasses

    resources: dict[str, dict[str, Any]] = {}
    for resource in project.resources:
        resources.setdefault(resource.type, {})[resource.key] = dict(resource.config)
    workspace = {name: value for name, value in dataclasses.asdict(project.workspace).items() if value}
    return {
        "bundle": {"name": project.bundle_name, "target": project.target, "mode": project.mode},
        "workspace": workspace,
        "variables": dict(project.variables),
        "artifacts": {item.key: {"type": "whl", "path": str(item.path)} for item in project.artifacts},
        "resources": resources,
        "environments": {item.name: dataclasses.asdict(item) for item in project.environments},
        "models": {key: dataclasses.asdict(item) for key, item in project.models.items()},
    }


@click.command()
@_with_target
@click.option(
    "-o", "--output", type=click.Choice(["text", "json"]), default="text", help="`json` can be deployed later."
)
@click.option("--adopt", is_flag=True, help="Plan to take over resources that are there already.")
def plan(target: str | None, variables: tuple[str, ...], output: str, adopt: bool) -> None:
    """Show what a deploy would change, field by field; changes nothing."""
    from brickyard.plan.deploy import Options
    from brickyard.plan.explain import explain, summary

    deployment = _connect(target, variables)
    notice = functools.partial(click.echo, err=True)
    found = deployment.plan(Options(adopt=adopt, progress=notice))
    if output == "json":
        click.echo(found.to_json())
        return
    click.echo(f"{found.bundle} -> {found.target} at {found.host}\n")
    for line in explain(found):
        click.echo(plan_line(line))
    click.echo(("" if found.is_empty else "\n") + summary(found))


@click.command()
@_with_target
@click.option("--auto-approve", is_flag=True, help="Do not ask before something is deleted.")
@click.option("--force", is_flag=True, help="Deploy from another branch than the target asks for.")
@click.option("--force-lock", is_flag=True, help="Take the lock from a deployment that you know has ended.")
@click.option("--adopt", is_flag=True, help="Take over resources that are there already.")
@click.option("--plan", "saved", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A saved plan.")
def deploy(
    target: str | None,
    variables: tuple[str, ...],
    auto_approve: bool,
    force: bool,
    force_lock: bool,
    adopt: bool,
    saved: Path | None,
) -> None:
    """Make the workspace match the project; a second deploy changes nothing."""
    from brickyard.plan.definition import Plan
    from brickyard.plan.deploy import Options

    begin = time.monotonic()
    deployment = _connect(target, variables)
    click.echo(f"{deployment.project.bundle_name} -> {deployment.project.target} at {deployment.connection.host}")
    approve = functools.partial(_approve, auto_approve=auto_approve)
    options = Options(force_lock=force_lock, force=force, adopt=adopt, approve=approve, progress=_say)
    earlier = Plan.from_json(saved.read_text(errors="replace")) if saved else None
    with _interruptible("deploy", deployment):
        applied = deployment.deploy(options, earlier)
    if applied is None:
        raise DeploymentError("nothing was deployed: it was not approved")
    took = duration(time.monotonic() - begin)
    if applied.is_empty:
        click.echo(f"no changes ({took})")
        return
    for line in table(_pages(deployment, applied)):
        _say(line)
    click.echo(f"deployed in {took}")


@contextlib.contextmanager
def _interruptible(command: str, deployment: Deployment) -> Iterator[None]:
    """Say after Ctrl-C how to go on; what was done is in the state."""
    try:
        yield
    except KeyboardInterrupt:
        raise DeploymentError(
            f"the {command} was interrupted: what was done is noted, the rest is not done",
            where=deployment.connection.host,
            next=f"`brickyard {command}` again completes it",
        ) from None


def _pages(deployment: Deployment, applied: Plan) -> list[tuple[str, str]]:
    """Where to look at what was created or changed."""
    from brickyard.plan.kinds import kind_of

    resources, pages = deployment.resources(), []
    for change in applied.changed:
        found = resources.get(change.address)
        page = kind_of(change.address).url(deployment.connection, found.id) if found and found.id else None
        if page:
            pages.append((change.address, page))
    return pages


def _approve(found: Plan, *, auto_approve: bool, everything: bool = False) -> bool:
    """Ask before data is lost; without a terminal nobody can answer."""
    from brickyard.plan.kinds import kind_of

    def loses_data(change: ResourceChange) -> bool:
        return everything or change.action == "recreate" or kind_of(change.address).keeps_data

    lost = [change for change in found.destructive if loses_data(change)]
    if auto_approve or not (lost or everything):
        return True
    click.echo("this will be deleted, with everything that is stored in it:")
    for change in lost:
        again = f" (and created again: {change.reason})" if change.action == "recreate" else ""
        click.echo(f"  {change.address}: {kind_of(change.address).title} '{change.name}'{again}")
    if everything:
        click.echo(f"  {found.root_path}")
    if not sys.stdin.isatty():
        raise DeploymentError(
            "something would be deleted, and there is nobody to ask", where=found.host, next="say --auto-approve"
        )
    return click.confirm("go on?")


@click.command()
@_with_target
@click.option("--auto-approve", is_flag=True, help="Do not ask.")
@click.option("--force-lock", is_flag=True, help="Take the lock from a deployment that you know has ended.")
def destroy(target: str | None, variables: tuple[str, ...], auto_approve: bool, force_lock: bool) -> None:
    """Delete what deploy created: resources, files and the deployment's directory."""
    from brickyard.plan.deploy import Options

    begin = time.monotonic()
    deployment = _connect(target, variables)
    click.echo(f"{deployment.project.bundle_name} -> {deployment.project.target} at {deployment.connection.host}")
    if not deployment.is_deployed():
        click.echo("nothing is deployed")
        return
    approve = functools.partial(_approve, auto_approve=auto_approve, everything=True)
    with _interruptible("destroy", deployment):
        applied = deployment.destroy(Options(force_lock=force_lock, approve=approve, progress=_say))
    if applied is None:
        raise DeploymentError("nothing was deleted: it was not approved")
    click.echo(f"destroyed in {duration(time.monotonic() - begin)}")


@click.command()
@click.argument("key")
@_with_target
@click.option("--params", "parameters", multiple=True, metavar="NAME=VALUE", help="Set a parameter of the job.")
@click.option("--no-wait", is_flag=True, help="Start the run and do not wait for it.")
def run(key: str, target: str | None, variables: tuple[str, ...], parameters: tuple[str, ...], no_wait: bool) -> None:
    """Run the job KEY, follow it live, exit with its result."""
    from brickyard.plan import runs

    deployment = _connect(target, variables)
    job_id = deployment.job_id(key, given := pairs(parameters, "--params"))
    run_id = runs.start_run(deployment.connection, job_id, given)
    if no_wait:
        click.echo(f"run {run_id} of '{key}' is started: {deployment.connection.host}/jobs/{job_id}/runs/{run_id}")
        return
    follow_to_end(
        deployment.connection,
        run_id,
        f"run {run_id} of '{key}'",
        "the trace is above; correct the cause, deploy, and run again",
    )
