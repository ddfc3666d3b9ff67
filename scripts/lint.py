"""All checks of the source that need no running: style, types, layers, suppressions."""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent

CHECKS = (
    ("style", ["ruff", "check", "."]),
    ("format", ["ruff", "format", "--check", "."]),
    ("types", ["mypy"]),
    ("names in tests", ["mypy", "--config-file", "tests/mypy.ini"]),
    ("layers", ["lint-imports"]),
    ("suppressions", ["python", "scripts/suppressions.py"]),
)


def main() -> int:
    """Run every check, then say which failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--without", action="append", default=[], help="the name of a check that is left out")
    left_out = parser.parse_args().without
    failed = []
    for name, (program, *arguments) in (check for check in CHECKS if check[0] not in left_out):
        begin = time.monotonic()
        done = subprocess.run([str(BIN / program), *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
        print(f"{'ok' if done.returncode == 0 else 'FAILED':<7} {name} ({time.monotonic() - begin:.1f} s)", flush=True)
        if done.returncode != 0:
            failed.append(name)
            print(done.stdout + done.stderr, flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
