"""It fails loudly: whatever breaks, the command says so, and production has not changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.main_job.conftest import Flights
from tests.support import wait_for

pytestmark = pytest.mark.timeout(900)


@pytest.fixture
def unchanged(flights: Flights) -> Iterator[Flights]:
    """Production has the same content after the test as before."""
    before = flights.production()
    assert before
    yield flights
    assert flights.production() == before


def test_a_broken_training_notebook(unchanged: Flights, tmp_path: Path) -> None:
    project = unchanged.copy(tmp_path / "broken")
    notebook = project / "notebooks" / "train.py"
    notebook.write_text(
        notebook.read_text().replace("fit(training[FEATURES], late)", "fit(training[FEATURES], nobody)")
    )
    unchanged.home.run("deploy", "-t", "dev", cwd=project)
    done = unchanged.home.run("run", "train", "-t", "dev", cwd=project, check=False)
    assert done.returncode == 7
    assert "NameError" in done.stdout + done.stderr and "nobody" in done.stdout + done.stderr
    unchanged.run("deploy", "-t", "dev")


def test_broken_data(unchanged: Flights, tmp_path: Path) -> None:
    project = unchanged.copy(tmp_path / "broken")
    notebook = project / "notebooks" / "silver.py"
    notebook.write_text(
        notebook.read_text().replace(
            'spark.table(f"{prefix}.bronze_planes"),',
            'spark.table(f"{prefix}.bronze_planes").unionAll(spark.table(f"{prefix}.bronze_planes")),',
        )
    )
    unchanged.home.run("deploy", "-t", "dev", cwd=project)
    done = unchanged.home.run("run", "prepare", "-t", "dev", cwd=project, check=False)
    assert done.returncode == 7
    assert "flight_id is unique: broken by" in done.stdout + done.stderr
    unchanged.run("deploy", "-t", "dev")
    unchanged.run("run", "prepare", "-t", "dev")


def test_a_wrong_token(unchanged: Flights) -> None:
    environ = {"DATABRICKS_TOKEN": "dapi" + "0" * 32, "DATABRICKS_HOST": unchanged.prod.host}
    project = unchanged.project
    text = (project / "databricks.yml").read_text()
    (project / "databricks.yml").write_text(text.replace("profile: flights-prod", f"host: {unchanged.prod.host}"))
    try:
        done = unchanged.home.run("deploy", "-t", "prod", cwd=project, check=False, extra=environ)
    finally:
        (project / "databricks.yml").write_text(text)
    assert done.returncode == 4 and "token" in done.stderr.lower() and "Traceback" not in done.stderr


def test_the_second_workspace_is_down(unchanged: Flights) -> None:
    unchanged.home.run("workspace", "stop", "flights-uat")
    try:
        done = unchanged.run("model", "promote", "delay", "--to", "uat", check=False)
    finally:
        unchanged.home.run("workspace", "start", "flights-uat")
    assert done.returncode == 4
    assert unchanged.uat.host in done.stderr and "Traceback" not in done.stderr
    wait_for(lambda: unchanged.uat.client().current_user.me().user_name)
