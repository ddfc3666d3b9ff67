"""`brickyard score` in a project: what brickyard.yml says, and what options replace."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from brickyard.cli import score as command
from brickyard.errors import UsageError
from brickyard.scoring.batch import BatchResult, BatchScoring
from brickyard.scoring.source import ModelSource
from tests.project.writing import write

SCORING = "{input: a.b.rows, output: a.b.out, keys: [k], mode: incremental, leakage: refuse, columns: [c]}"
MODELS = f"""
models:
  delay:
    name: a.b.delay
    alias: live
    gate: {{data: a.b.d, label: y, bars: {{auc: {{min: 0.5}}}}}}
    scoring: {SCORING}
  other:
    name: a.b.other
    gate: {{data: a.b.d, label: y, bars: {{auc: {{min: 0.5}}}}}}
"""


@pytest.fixture
def scored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run the command in a project; gives the job that it would have scored."""
    monkeypatch.chdir(write(tmp_path, {"databricks.yml": "bundle: {name: b}\n", "brickyard.yml": MODELS}))
    found: list[BatchScoring] = []

    def keep(connection: object, job: BatchScoring, progress: object) -> None:
        found.append(job)

    monkeypatch.setattr("brickyard.scoring.batch.score_table", keep)
    monkeypatch.setattr("brickyard.plan.connect.connect_to", lambda settings: None)
    monkeypatch.setattr("brickyard.cli.options.connection_for", lambda target, profile: None)
    monkeypatch.setattr(command, "_show", lambda job, result: None)

    def run(*arguments: str) -> BatchScoring:
        result = CliRunner().invoke(command.score, arguments)
        if result.exception is not None:
            raise result.exception
        return found.pop()

    return run


def test_the_project_says_how_and_options_replace_single_settings(scored: Any) -> None:
    said = BatchScoring("models:/a.b.delay@live", "a.b.rows", "a.b.out", ("k",), "incremental", "refuse", ("c",))
    assert scored("delay") == said
    replaced = scored(
        "delay", "--mode", "append", "--leakage", "off", "--keys", "k, m", "--columns", "*", "--since", "3"
    )
    assert replaced == BatchScoring(
        "models:/a.b.delay@live", "a.b.rows", "a.b.out", ("k", "m"), "append", "off", ("*",), since=3
    )
    asked = scored("delay", "--query", "SELECT 1", "--model", "models:/a.b.delay/7", "--output", "a.b.more")
    assert (asked.model_uri, asked.input, asked.query) == ("models:/a.b.delay/7", None, "SELECT 1")
    assert (asked.output, asked.mode) == ("a.b.more", "incremental")


def test_without_a_scoring_in_the_project_options_say_it_all(scored: Any) -> None:
    job = scored("other", "--input", "a.b.i", "--output", "a.b.o", "--mode", "overwrite")
    assert job == BatchScoring("models:/a.b.other@champion", "a.b.i", "a.b.o", mode="overwrite")
    job = scored("--model", "models:/a.b.x@c", "--query", "SELECT 1", "--output", "a.b.o", "--keys", "k")
    assert job == BatchScoring("models:/a.b.x@c", None, "a.b.o", ("k",), query="SELECT 1")
    for arguments, message in (
        (["other", "--input", "a.b.i"], "the model 'other' has no `scoring`"),
        (["dely"], "there is no model 'dely'"),
        ([], "it is not said which model scores"),
    ):
        with pytest.raises(UsageError, match=message):
            scored(*arguments)


def test_a_repeated_append_does_not_vouch_for_what_the_output_has_now(capsys: pytest.CaptureFixture[str]) -> None:
    source = ModelSource("a.b.m", "2", "")
    result = BatchResult(source, "a.b.i (version 4)", 0, 7, False, 0.1)
    command._show(BatchScoring("models:/a.b.m/2", "a.b.i", "a.b.o", mode="append"), result)
    said = "nothing to do: a.b.i (version 4) by a.b.m version 2 was added to a.b.o by an earlier run\n"
    assert capsys.readouterr().out == said
