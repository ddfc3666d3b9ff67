"""`brickyard doctor`: true answers about this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from brickyard.cli.main import cli


@pytest.fixture(autouse=True)
def nobody_s_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("BRICKYARD_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SPARK_HOME", raising=False)


def asked(*arguments: str) -> tuple[int, dict[str, Any]]:
    done = CliRunner().invoke(cli, ["doctor", "-o", "json", *arguments])
    found = json.loads(done.output)
    return done.exit_code, {one["name"]: one for one in found["findings"]}


def test_the_default_engine_works_and_the_other_says_what_is_missing() -> None:
    code, found = asked()
    assert code == 0
    assert found["engine sail"]["works"] and "pysail" in found["engine sail"]["found"]
    assert not found["engine jvm"]["works"] and "pyspark==4.2.0" in found["engine jvm"]["next"]


def test_an_engine_that_does_not_start_is_not_said_to_work(tmp_path: Path) -> None:
    """A pysail that cannot be loaded, as one that was built for another system."""
    broken = tmp_path / "path" / "pysail"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text("raise ImportError('wrong ELF class')")
    environ = os.environ | {"PYTHONPATH": str(broken.parent)}
    done = subprocess.run(
        [sys.executable, "-m", "brickyard", "doctor"], env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1 and "wrong ELF class" in done.stdout


def test_a_spark_of_the_user_s_own_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for place, text in (("spark/bin/spark-submit", ""), ("java/bin/java", "#!/bin/sh\n")):
        (tmp_path / place).parent.mkdir(parents=True)
        (tmp_path / place).write_text(text)
        (tmp_path / place).chmod(0o755)
    (tmp_path / "spark" / "jars").mkdir()
    (tmp_path / "spark" / "jars" / "spark-core_2.13-4.2.0.jar").touch()
    monkeypatch.setenv("SPARK_HOME", str(tmp_path / "spark"))
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "java"))
    _, found = asked()
    assert found["engine jvm"]["works"] and "Spark 4.2.0" in found["engine jvm"]["found"]


def test_the_default_of_a_workspace_must_work(tmp_path: Path) -> None:
    place = tmp_path / "home" / "workspaces" / "dev"
    place.mkdir(parents=True)
    (place / "settings.json").write_text(json.dumps({"engine": "sc://127.0.0.1:1"}))
    code, found = asked("--workspace", "dev")
    assert code == 1 and "127.0.0.1:1 cannot be reached" in found["engine remote"]["found"]


def test_an_engine_that_there_is_not_cannot_be_a_workspace_s_default() -> None:
    done = CliRunner().invoke(cli, ["workspace", "start", "dev", "--engine", "photon"])
    assert done.exit_code != 0 and "'photon'" in str(done.exception)
