"""`brickyard --help`, as a whole process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from _timing import report, seconds

COMMAND = [str(Path(sys.executable).parent / "brickyard"), "--help"]

if __name__ == "__main__":
    report("brickyard --help", seconds(lambda: subprocess.run(COMMAND, capture_output=True, check=True), runs=15), 0.12)
