"""Scoring processes that are forked: as separate from each other as those that start by themselves."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.scoring import models
from tests.support import wait_for
from tests.workspace.serving.conftest import ME, MODEL, Bench

OWN_MODEL = """
import mlflow, numpy, os, random, sys

class Own(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        said = [os.environ.get("PIN"), os.environ.get("OTHER"), os.getcwd(), sys.path[0], os.getsid(0), os.getpid()]
        return [*map(str, said), str(numpy.random.random()), str(random.random())]

mlflow.models.set_model(Own())
"""


@pytest.fixture
def own_model(tmp_path: Path) -> Path:
    import mlflow.pyfunc

    (tmp_path / "own.py").write_text(OWN_MODEL)
    signature = mlflow.models.infer_signature(models.rows(1), ["a"])
    code, path = str(tmp_path / "own.py"), tmp_path / "model"
    mlflow.pyfunc.save_model(str(path), python_model=code, signature=signature, pip_requirements=[])
    return path


def create(bench: Bench, name: str, variables: dict[str, str]) -> None:
    entity = {"entity_name": MODEL, "entity_version": "1", "environment_vars": variables}
    bench.serving.create({"name": name, "config": {"served_entities": [entity]}}, ME)
    bench.wait_ready(name, 1)


def ask(bench: Bench, name: str) -> Any:
    return json.loads(bench.ask(name)[1].body)["predictions"]


def template_of(pid: int) -> psutil.Process:
    parent = psutil.Process(pid).parent()
    assert parent is not None
    return parent


def test_forked_processes_share_nothing(bench: Bench, own_model: Path) -> None:
    bench.register(1, own_model)
    create(bench, "one", {"PIN": "1"})
    create(bench, "two", {"OTHER": "2"})
    pin, other, directory, path, session, pid, *drawn = ask(bench, "one")
    assert (pin, other, session, path) == ("1", "None", pid, directory)
    assert ask(bench, "two")[:2] == ["None", "2"]
    assert not set(drawn) & set(ask(bench, "two")[-2:])
    template = template_of(int(pid))
    assert template.pid != os.getpid() and "PIN" not in template.environ()
    assert template_of(int(ask(bench, "two")[5])) == template


def test_a_killed_template_is_replaced_and_requests_wait(bench: Bench, own_model: Path) -> None:
    bench.register(1, own_model)
    create(bench, "one", {})
    pid = int(ask(bench, "one")[5])
    template_of(pid).kill()
    wait_for(lambda: not psutil.pid_exists(pid), seconds=20)
    assert int(ask(bench, "one")[5]) != pid


def test_variables_that_libraries_read_when_imported_count(bench: Bench, own_model: Path) -> None:
    bench.register(1, own_model)
    create(bench, "one", {"OMP_NUM_THREADS": "2", "PIN": "1"})
    pin, *_, pid, _, _ = ask(bench, "one")
    assert pin == "1" and template_of(int(pid)).pid == os.getpid()
    os.kill(int(pid), signal.SIGKILL)
    assert ask(bench, "one")[5] != pid
