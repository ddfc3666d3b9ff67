"""The steps of `brickyard demo`."""

from __future__ import annotations

import json
import shutil
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from brickyard.cli.init import create_project
from brickyard.cli.shell import CommandFailed, Shell
from brickyard.errors import ApprovalMissing, GateRefused
from brickyard.workspace import process
from brickyard.workspace.layout import layout_of

__all__ = ["Walkthrough", "remove", "stop_all"]

ENVIRONMENTS = ("dev", "uat", "prod")
WORKSPACES = {name: f"flights-{name}" for name in ENVIRONMENTS}
MODEL = "delay"
ENDPOINT = "flights-delay"
REQUEST = "request.json"
ROWS = 3


@dataclass(frozen=True)
class Answer:
    """What the endpoint said of some flights.

    Attributes:
        flights: Their keys.
        online: The endpoint's predictions.
        batch: The predictions stored for the same flights; empty where they were not compared.
        milliseconds: How long the endpoint took.
    """

    flights: list[str]
    online: list[float]
    batch: list[float]
    milliseconds: float


class Walkthrough:
    """Takes the flights project from notebook to production.

    Args:
        project: The project's directory; it is created where it does not exist.
    """

    def __init__(self, project: Path) -> None:
        self._project = project
        self._shell = Shell(project)
        self._begin = time.monotonic()

    def run(self) -> None:
        """All steps; the first one that fails ends it with its reason."""
        click.echo(click.style("Will a flight arrive 15 or more minutes late? From notebook to production.", bold=True))
        self._prepare_project()
        self._start()
        self._deploy()
        self._prepare_data()
        self._baseline()
        self._challenger()
        self._refuse_a_bad_one()
        self._score()
        served = self._predict()
        back = self._roll_back()
        self._summary(served, back)

    def _prepare_project(self) -> None:
        self._shell.heading(1, "The project")
        if (self._project / "databricks.yml").exists():
            click.echo(f"  {self._project} is there already")
            return
        self._shell.show(f"brickyard init --template flights --output-dir {self._project}")
        create_project("flights", self._project)
        click.echo(f"  created {self._project}")

    def _start(self) -> None:
        self._shell.heading(2, "Three workspaces, each with its own data, database and tokens")
        for name in WORKSPACES.values():
            self._shell.run("workspace", "start", name)

    def _deploy(self) -> None:
        self._shell.heading(3, "Deploy to all three")
        self._shell.run("validate")
        for environment in ENVIRONMENTS:
            self._shell.run("deploy", "-t", environment)
        self._shell.run("plan", "-t", "dev")

    def _prepare_data(self) -> None:
        self._shell.heading(4, "Bronze, silver and gold tables, with data tests, in dev and prod")
        for environment in ("dev", "prod"):
            self._shell.run("run", "prepare", "-t", environment)

    def _baseline(self) -> None:
        self._shell.heading(5, "A baseline: the hour of departure alone")
        if self._live("prod"):
            click.echo("  there is a champion already; a baseline is not needed again")
            return
        self._train("kind=hour")
        self._to_production("the baseline")

    def _challenger(self) -> None:
        self._shell.heading(6, "A challenger: gradient-boosted trees, judged on July and August beside the champion")
        self._train("kind=trees")
        self._to_production("the trees")

    def _refuse_a_bad_one(self) -> None:
        self._shell.heading(7, "A bad candidate: trained on shuffled labels, refused by the gate")
        before = self._live("prod")
        self._train("kind=trees,shuffle_labels=true")
        self._shell.run("model", "promote", MODEL, "--to", "dev", expect=(GateRefused.exit_code,))
        if self._live("prod") != before:
            raise CommandFailed("a refused candidate changed production", where="prod")
        click.echo(f"  production still serves version {before}")

    def _score(self) -> None:
        self._shell.heading(8, "Score September to December, and compare with what happened")
        self._shell.run("score", MODEL, "-t", "prod")
        self._shell.run("run", "quality", "-t", "prod")

    def _predict(self) -> Answer:
        self._shell.heading(9, "Ask the endpoint over HTTP")
        answer = self._ask(compare=True)
        if answer.online != answer.batch:
            raise CommandFailed(f"the endpoint says {answer.online}, the table says {answer.batch}", where=ENDPOINT)
        click.echo("  the same flights in the table of batch predictions: equal to the last digit")
        return answer

    def _roll_back(self) -> Answer:
        self._shell.heading(10, "Roll production back; the endpoint follows")
        self._shell.run("model", "rollback", MODEL, "-t", "prod", "-m", "shown in the demo")
        self._wait_for_endpoint(self._live("prod"))
        answer = self._ask(compare=False)
        self._shell.run("model", "history", MODEL, "-t", "prod")
        return answer

    def _train(self, parameters: str) -> None:
        arguments = [argument for pair in parameters.split(",") for argument in ("--params", pair)]
        self._shell.run("run", "train", "-t", "dev", *arguments)

    def _to_production(self, what: str) -> None:
        self._shell.run("model", "evaluate", MODEL, "-t", "dev")
        self._shell.run("model", "promote", MODEL, "--to", "dev")
        self._shell.run("model", "promote", MODEL, "--to", "uat")
        code = self._shell.run("model", "promote", MODEL, "--to", "prod", expect=(0, ApprovalMissing.exit_code))
        if code == 0:
            return
        version = self._newest("prod")
        self._shell.run("model", "approve", MODEL, "--to", "prod", "--version", version, "-m", f"take {what} live")
        self._shell.run("model", "promote", MODEL, "--to", "prod")

    def _status(self, environment: str) -> dict[str, Any]:
        found: list[dict[str, Any]] = self._shell.read("model", "status", MODEL, "-t", environment)
        return found[0]

    def _live(self, environment: str) -> str | None:
        live: str | None = self._status(environment)["live"]
        return live

    def _newest(self, environment: str) -> str:
        return str(self._status(environment)["versions"][0]["version"])

    def _wait_for_endpoint(self, version: str | None, seconds: float = 60) -> None:
        """The endpoint loads the version that is live now; until then it answers with the one before."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            served = self._call("GET", f"/api/2.0/serving-endpoints/{ENDPOINT}")
            if served.get("state", {}).get("ready") == "READY" and _served_version(served) == version:
                return
            time.sleep(0.1)
        raise CommandFailed(f"the endpoint did not serve version {version} within {seconds:.0f} s", where=ENDPOINT)

    def _ask(self, *, compare: bool) -> Answer:
        self._wait_for_endpoint(self._live("prod"))
        flights, records, stored = self._sample()
        body = {"dataframe_records": records}
        (self._project / REQUEST).write_text(json.dumps(body, indent=2))
        self._shell.show(f'eval "$(brickyard workspace env {WORKSPACES["prod"]})"')
        self._shell.show(
            'curl -H "Authorization: Bearer $DATABRICKS_TOKEN" \\\n'
            f'      -H "Content-Type: application/json" -d @{REQUEST} \\\n'
            f"      $DATABRICKS_HOST/serving-endpoints/{ENDPOINT}/invocations"
        )
        self._call("POST", f"/serving-endpoints/{ENDPOINT}/invocations", body)
        begin = time.perf_counter()
        predictions = self._call("POST", f"/serving-endpoints/{ENDPOINT}/invocations", body)["predictions"]
        answer = Answer(flights, predictions, stored if compare else [], (time.perf_counter() - begin) * 1000)
        for flight, probability in zip(answer.flights, answer.online, strict=True):
            click.echo(f"  {flight:<22} late with probability {probability:.4f}")
        click.echo(f"  answered in {answer.milliseconds:.1f} ms")
        return answer

    def _sample(self) -> tuple[list[str], list[dict[str, Any]], list[float]]:
        """Some flights of `upcoming`, as the endpoint takes them, with what batch scoring stored for them."""
        from brickyard.plan.connect import connect
        from brickyard.scoring.tables import open_table

        api = connect(profile=WORKSPACES["prod"]).api
        scored = open_table(api, "main.flights.predictions").to_pyarrow_table(columns=["flight_id", "prediction"])
        chosen = {row["flight_id"]: row["prediction"] for row in scored.slice(0, ROWS).to_pylist()}
        keys = list(chosen)
        found = open_table(api, "main.flights.upcoming").to_pyarrow_table(filters=[("flight_id", "in", keys)])
        rows = {row["flight_id"]: row for row in found.to_pylist()}
        records = [{k: v for k, v in rows[key].items() if k != "flight_id"} for key in keys]
        return keys, records, [chosen[key] for key in keys]

    def _call(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        prod = process.status(WORKSPACES["prod"])
        headers = {"Authorization": f"Bearer {prod.token}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{prod.url}{path}", data=data, headers=headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as response:
            answer: dict[str, Any] = json.load(response)
        return answer

    def _summary(self, served: Answer, back: Answer) -> None:
        quality = self._call("GET", "/api/2.0/fs/files/Volumes/main/flights/reports/quality.json")
        prod = process.status(WORKSPACES["prod"])
        lines = [
            ("trained on", "January to June; judged on July and August; scored September to December"),
            ("predictions", f"{quality['flights']:,} compared with what happened: ROC AUC {quality['roc_auc']:.3f}"),
            ("by month", ", ".join(f"{month}: {auc:.3f}" for month, auc in quality["roc_auc_by_month"].items())),
            ("endpoint", f"{prod.url}/serving-endpoints/{ENDPOINT}/invocations"),
            ("before / after", f"{served.online[0]:.4f} / {back.online[0]:.4f} for {served.flights[0]} (rolled back)"),
            ("pages", prod.url),
            ("sign in", f"with the token that `brickyard workspace env {prod.name}` prints"),
            ("tables", f"main.flights.* in {prod.root / 'data' / 'tables'}"),
            ("look", f"cd {self._project} && brickyard model status {MODEL}"),
            ("workspaces", "brickyard workspace list"),
            ("stop", "brickyard demo --stop"),
            ("delete", "brickyard demo --reset"),
            ("took", f"{time.monotonic() - self._begin:.0f} s"),
        ]
        click.echo()
        click.echo(click.style("Done.", bold=True, fg="green"))
        for name, text in lines:
            click.echo(f"  {name:<15} {text}")


def stop_all() -> None:
    """Stop the demo's workspaces."""
    for name in WORKSPACES.values():
        if layout_of(name).root.exists():
            process.stop(name)
            click.echo(f"{name}  stopped")


def remove(project: Path) -> None:
    """Delete the demo's workspaces and its project."""
    for name in WORKSPACES.values():
        if layout_of(name).root.exists():
            process.reset(name)
            click.echo(f"{name}  deleted")
    if project.exists():
        shutil.rmtree(project)
        click.echo(f"{project}  deleted")


def _served_version(endpoint: dict[str, Any]) -> str | None:
    """The version that answers now; the served entity itself names the alias that it follows."""
    models = endpoint.get("config", {}).get("served_models", [])
    return models[0].get("model_version") if models else None
