"""A second `brickyard deploy` of the flights project: nothing has changed, and nothing is done."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from _timing import report, seconds

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "flights"
BRICKYARD = [sys.executable, "-m", "brickyard"]


def main() -> None:
    """Deploy once, then measure deploying again."""
    with tempfile.TemporaryDirectory() as directory:
        project = Path(directory) / "flights"
        shutil.copytree(EXAMPLE, project, ignore=shutil.ignore_patterns("dist", ".brickyard", "__pycache__"))
        environ = os.environ | {"BRICKYARD_HOME": f"{directory}/home"}

        def brickyard(*arguments: str) -> str:
            return subprocess.run(
                [*BRICKYARD, *arguments], cwd=project, env=environ, check=True, capture_output=True, text=True
            ).stdout

        brickyard("workspace", "start", "flights-dev")
        try:
            brickyard("deploy", "-t", "dev")
            assert "no changes" in brickyard("plan", "-t", "dev")
            report("second deploy of the flights project", seconds(lambda: brickyard("deploy", "-t", "dev")), 2.0)
        finally:
            brickyard("workspace", "stop", "flights-dev")


if __name__ == "__main__":
    main()
