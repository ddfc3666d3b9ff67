"""What is imported when, and what is exported."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys

import pytest

import brickyard

HEAVY = ("pandas", "numpy", "sklearn", "mlflow", "pyspark", "fastapi", "azure", "databricks")
PACKAGES = sorted(
    module.name
    for module in pkgutil.walk_packages(brickyard.__path__, "brickyard.")
    if module.ispkg and ".shims" not in module.name
)

_PROBE = """
import sys
from brickyard.cli.main import cli
try:
    cli(["--help"], prog_name="brickyard")
finally:
    print("HEAVY:", sorted(name for name in sys.modules if name.split(".")[0] in {heavy}))
"""


def test_help_imports_nothing_heavy() -> None:
    probe = _PROBE.format(heavy=set(HEAVY))
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert "Usage: brickyard" in done.stdout
    assert "HEAVY: []" in done.stdout


def test_the_probe_sees_a_heavy_import() -> None:
    probe = "import pandas\n" + _PROBE.format(heavy=set(HEAVY))
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert "HEAVY: []" not in done.stdout


def test_an_idle_workspace_imports_nothing_heavy() -> None:
    probe = (
        "import sys, brickyard.workspace.server\n"
        "from brickyard.workspace.workspace import AT_START, loaded\n"
        "for name in AT_START: loaded(name)\n"
        f"print('HEAVY:', sorted(set(sys.modules) & {set(HEAVY) - {'databricks'} | {'IPython', 'pyarrow', 'grpc'}}))"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "HEAVY: []"


@pytest.mark.parametrize("name", PACKAGES)
def test_a_package_says_what_it_is_for_and_exports_what_it_lists(name: str) -> None:
    package = importlib.import_module(name)
    assert package.__doc__ and package.__doc__.strip().endswith((".", ".\n"))
    assert package.__doc__.strip().count("\n") == 0 or package.__doc__.strip().split("\n\n")[0].count("\n") <= 1
    assert isinstance(package.__all__, list)
    assert [exported for exported in package.__all__ if not hasattr(package, exported)] == []
    assert sorted(package.__all__) == sorted(set(package.__all__))
